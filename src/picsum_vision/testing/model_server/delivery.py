"""How an answer reaches the client: at once, in a trickle, in part, as an error, or not at all."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from picsum_vision.testing.model_server.errors import ApiError
from picsum_vision.testing.model_server.faults import ERROR_STATUS, FaultKind, ModelFault
from picsum_vision.testing.model_server.limits import RetryAfter, retry_headers

_TRICKLE_PIECES: Final = 40
_LOOK_FOR_CLIENT_S: Final = 0.2
_PAGE: Final = (
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
# Message, type and code of the kinds that have OpenAI's body.
_OPENAI: Final[Mapping[FaultKind, tuple[str, str, str | None]]] = {
    FaultKind.RATE_LIMITED: ("Rate limit reached for requests. Try again later.", "requests", "rate_limit_exceeded"),
    FaultKind.SERVER_ERROR: ("The server had an error while processing your request.", "server_error", None),
    FaultKind.UNAVAILABLE: ("The engine is currently overloaded, please try again later.", "service_unavailable", None),
    FaultKind.UNAUTHORIZED: ("Incorrect API key provided.", "invalid_request_error", "invalid_api_key"),
    FaultKind.CONTENT_FILTER_ERROR: (
        "The response was filtered due to the prompt triggering the content management policy.",
        "invalid_request_error",
        "content_filter",
    ),
}


class NoAnswer(web.Response):
    """Stands for an answer that was never sent, because the connection is gone."""


def answer_with_error(fault: ModelFault) -> web.Response:
    """Return the error answer of `fault`, whose kind must be in :data:`ERROR_STATUS`: as endpoints and gateways write it."""
    kind = FaultKind(fault.kind)
    status = ERROR_STATUS[kind]
    if kind is FaultKind.HTML_ERROR:
        response = web.Response(text=_PAGE, status=status, content_type="text/html")
    elif kind is FaultKind.DETAIL_ERROR:
        response = web.json_response({"detail": "Internal error while running the model."}, status=status)
    elif kind is FaultKind.PLAIN_TEXT_ERROR:
        response = web.Response(text="upstream connect error or disconnect/reset before headers", status=status)
    else:
        message, type_word, code = _OPENAI[kind]
        response = ApiError(status, message, kind=type_word, code=code).response()
    response.headers.update(retry_headers(RetryAfter(fault.retry_after), fault.retry_after_s))
    return response


async def deliver(request: web.Request, body: bytes, headers: Mapping[str, str], fault: ModelFault | None) -> web.StreamResponse:
    """Send the JSON `body` as the fault, if any, has it."""
    kind = FaultKind(fault.kind) if fault is not None else None
    if fault is not None and kind in {FaultKind.TRICKLE, FaultKind.TRUNCATED}:
        response = web.StreamResponse(headers={**headers, "Content-Type": "application/json"})
        try:
            if kind is FaultKind.TRICKLE:
                await _trickle(request, response, body, fault.duration_s or 0.0)
            else:
                await _truncate(request, response, body)
        except ConnectionError:
            # The client left in the middle, which is its right; what was begun stays counted.
            return response
        return response
    body = body[: len(body) // 2] if kind is FaultKind.BROKEN_JSON else body
    return web.Response(body=body, content_type="application/json", headers=headers)


async def _trickle(request: web.Request, response: web.StreamResponse, body: bytes, duration_s: float) -> None:
    await response.prepare(request)
    size = max(1, len(body) // _TRICKLE_PIECES)
    for start in range(0, len(body), size):
        await response.write(body[start : start + size])
        await asyncio.sleep(duration_s * size / len(body))
    await response.write_eof()


async def _truncate(request: web.Request, response: web.StreamResponse, body: bytes) -> None:
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    _close(request)


async def hang(request: web.Request, duration_s: float) -> NoAnswer:
    """Keep the client waiting for `duration_s`, then close; end earlier if the client leaves."""
    loop = asyncio.get_running_loop()
    end_s = loop.time() + duration_s
    while (left_s := end_s - loop.time()) > 0:
        if request.transport is None or request.transport.is_closing():
            break
        await asyncio.sleep(min(left_s, _LOOK_FOR_CLIENT_S))
    _close(request)
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


def _close(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.close()
