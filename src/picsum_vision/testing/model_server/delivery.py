"""How an answer reaches the client: at once, in a trickle, in part, or not at all."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Mapping, Sequence
from typing import Final

from aiohttp import web

from picsum_vision.testing.model_server.faults import FaultKind, ModelFault

_TRICKLE_PIECES: Final = 40
_LOOK_FOR_CLIENT_S: Final = 0.2


class NoAnswer(web.Response):
    """Stands for an answer that was never sent, because the connection is gone."""


async def deliver(request: web.Request, body: bytes, headers: Mapping[str, str], fault: ModelFault | None) -> web.StreamResponse:
    """Send the JSON `body` as the fault, if any, has it."""
    kind = FaultKind(fault.kind) if fault is not None else None
    if fault is not None and kind is FaultKind.TRICKLE:
        size = max(1, len(body) // _TRICKLE_PIECES)
        pieces = [body[start : start + size] for start in range(0, len(body), size)]
        return await _send_pieces(request, headers, pieces, (fault.duration_s or 0.0) / len(pieces))
    if kind is FaultKind.TRUNCATED:
        return await _send_half(request, headers, body)
    if kind is FaultKind.BROKEN_JSON:
        body = body[: len(body) // 2]
    return web.Response(body=body, content_type="application/json", headers=headers)


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


async def _send_pieces(
    request: web.Request, headers: Mapping[str, str], pieces: Sequence[bytes], pause_s: float
) -> web.StreamResponse:
    response = web.StreamResponse(headers={**headers, "Content-Type": "application/json"})
    try:
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
            await asyncio.sleep(pause_s)
        await response.write_eof()
    except ConnectionError:
        # The client left in the middle, which is its right; what was begun stays counted.
        return response
    return response


async def _send_half(request: web.Request, headers: Mapping[str, str], body: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={**headers, "Content-Type": "application/json"})
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


def _client_left(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()
