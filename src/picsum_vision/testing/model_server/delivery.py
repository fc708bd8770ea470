"""How an answer reaches the client: at once, as events, in a trickle, in part, or not at all."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
import struct
from typing import TYPE_CHECKING, Final

from aiohttp import web

from picsum_vision.testing.model_server.faults import FaultKind, ModelFault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TRICKLE_PIECES: Final = 40
_LOOK_FOR_CLIENT_S: Final = 0.2


class NoAnswer(web.Response):
    """Stands for an answer that was never sent, because the connection is gone."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Payload:
    """A 200's body, in the pieces in which a stream would send it."""

    pieces: Sequence[bytes]
    content_type: str
    headers: Mapping[str, str]

    @property
    def is_stream(self) -> bool:
        """Whether the pieces are events to be sent one by one."""
        return self.content_type == "text/event-stream"


async def deliver(request: web.Request, payload: Payload, fault: ModelFault | None) -> web.StreamResponse:
    """Send the payload as the fault, if any, has it."""
    kind = FaultKind(fault.kind) if fault is not None else None
    body = b"".join(payload.pieces)
    if fault is not None and kind is FaultKind.TRICKLE:
        size = max(1, len(body) // _TRICKLE_PIECES)
        pieces = [body[start : start + size] for start in range(0, len(body), size)]
        return await _send_pieces(request, payload, pieces, fault.duration_s or 0.0)
    if kind is FaultKind.TRUNCATED:
        return await _send_half(request, payload, body)
    if kind is FaultKind.BROKEN_JSON:
        body = body[: len(body) // 2]
    elif payload.is_stream:
        return await _send_pieces(request, payload, payload.pieces, 0.0)
    return web.Response(body=body, content_type=payload.content_type, headers=payload.headers)


async def hang(request: web.Request, duration_s: float) -> NoAnswer:
    """Keep the client waiting for `duration_s`, then close; end earlier if the client leaves."""
    loop = asyncio.get_running_loop()
    end_s = loop.time() + duration_s
    while not _client_left(request) and (left_s := end_s - loop.time()) > 0:  # noqa: ASYNC110 - the transport has no event for it
        await asyncio.sleep(min(left_s, _LOOK_FOR_CLIENT_S))
    if request.transport is not None:
        request.transport.close()
    return NoAnswer()


def reset_connection(request: web.Request) -> NoAnswer:
    """Reset the connection, so that the client reads "connection reset by peer"."""
    transport = request.transport
    if transport is not None:
        connection = transport.get_extra_info("socket")
        # Lingering for zero seconds makes the close a reset instead of an orderly end.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return NoAnswer()


async def _send_pieces(request: web.Request, payload: Payload, pieces: Sequence[bytes], duration_s: float) -> web.StreamResponse:
    response = _prepare(payload)
    pause_s = duration_s / max(1, len(pieces))
    try:
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
            if pause_s:
                await asyncio.sleep(pause_s)
        await response.write_eof()
    except ConnectionError:
        # The client left in the middle, which is its right; what was begun stays counted.
        return response
    return response


async def _send_half(request: web.Request, payload: Payload, body: bytes) -> web.StreamResponse:
    response = _prepare(payload)
    if not payload.is_stream:
        response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


def _prepare(payload: Payload) -> web.StreamResponse:
    response = web.StreamResponse(headers=payload.headers)
    response.content_type = payload.content_type
    return response


def _client_left(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()
