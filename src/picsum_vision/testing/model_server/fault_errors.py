"""The error bodies of faults, as real endpoints, their gateways and the servers before them write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import web

from picsum_vision.testing.model_server.errors import ApiError
from picsum_vision.testing.model_server.faults import FaultKind, ModelFault
from picsum_vision.testing.model_server.limits import RetryAfter, reset_header, retry_headers

if TYPE_CHECKING:
    from collections.abc import Mapping

_PAGE: Final = (
    "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n<hr><center>nginx</center>\r\n"
    "</body>\r\n</html>\r\n"
)


# Message, type, param and code of the kinds that have OpenAI's body.
_OPENAI: Final[Mapping[FaultKind, tuple[str, str, str | None, str | None]]] = {
    FaultKind.RATE_LIMITED: ("Rate limit reached for requests. Try again later.", "requests", None, "rate_limit_exceeded"),
    FaultKind.SERVER_ERROR: ("The server had an error while processing your request.", "server_error", None, None),
    FaultKind.UNAVAILABLE: ("The engine is currently overloaded, please try again later.", "service_unavailable", None, None),
    FaultKind.UNAUTHORIZED: ("Incorrect API key provided.", "invalid_request_error", None, "invalid_api_key"),
    FaultKind.CONTENT_FILTER_ERROR: (
        "The response was filtered due to the prompt triggering the content management policy.",
        "invalid_request_error",
        "prompt",
        "content_filter",
    ),
}


def answer_with_error(fault: ModelFault) -> web.Response:
    """Return the error answer of `fault`, whose kind must be in :data:`DEFAULT_STATUS`."""
    response = _error(fault)
    response.headers.update(retry_headers(RetryAfter(fault.retry_after), fault.retry_after_s, reset_header(fault.retry_after_s)))
    return response


def _error(fault: ModelFault) -> web.Response:
    kind, status = FaultKind(fault.kind), fault.http_status
    if kind is FaultKind.HTML_ERROR:
        title = f"{status} {web.Response(status=status).reason}"
        return web.Response(text=_PAGE.format(title=title), status=status, content_type="text/html")
    if kind is FaultKind.DETAIL_ERROR:
        return web.json_response({"detail": "Internal error while running the model."}, status=status)
    if kind is FaultKind.PLAIN_TEXT_ERROR:
        return web.Response(text="upstream connect error or disconnect/reset before headers", status=status)
    message, type_word, param, code = _OPENAI[kind]
    return ApiError(status, message, kind=type_word, param=param, code=code).response()
