"""The error bodies of faults, as real endpoints, their gateways and the servers before them write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import web

from picsum_vision.testing.model_server.errors import ApiError
from picsum_vision.testing.model_server.faults import FaultKind, ModelFault
from picsum_vision.testing.model_server.limits import RetryAfter, reset_header, retry_headers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PAGE: Final = (
    "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n<hr><center>nginx</center>\r\n"
    "</body>\r\n</html>\r\n"
)


def answer_with_error(fault: ModelFault) -> web.Response:
    """Return the error answer of `fault`, whose kind must be in :data:`ERRORS`."""
    response = ERRORS[FaultKind(fault.kind)](fault)
    response.headers.update(retry_headers(RetryAfter(fault.retry_after), fault.retry_after_s, reset_header(fault.retry_after_s)))
    return response


def _rate_limited(fault: ModelFault) -> web.Response:
    message = "Rate limit reached for requests. Please try again later."
    return ApiError(fault.http_status, message, kind="requests", code="rate_limit_exceeded").response()


def _server_error(fault: ModelFault) -> web.Response:
    message = "The server had an error while processing your request. Sorry about that!"
    return ApiError(fault.http_status, message, kind="server_error").response()


def _unavailable(fault: ModelFault) -> web.Response:
    message = "The engine is currently overloaded, please try again later."
    return ApiError(fault.http_status, message, kind="service_unavailable").response()


def _unauthorized(fault: ModelFault) -> web.Response:
    return ApiError(fault.http_status, "Incorrect API key provided.", code="invalid_api_key").response()


def _content_filter(fault: ModelFault) -> web.Response:
    message = "The response was filtered due to the prompt triggering the content management policy."
    return ApiError(fault.http_status, message, param="prompt", code="content_filter").response()


def _html(fault: ModelFault) -> web.Response:
    reason = web.Response(status=fault.http_status).reason
    return web.Response(
        text=_PAGE.format(title=f"{fault.http_status} {reason}"), status=fault.http_status, content_type="text/html"
    )


def _detail(fault: ModelFault) -> web.Response:
    return web.json_response({"detail": "Internal error while running the model."}, status=fault.http_status)


def _plain_text(fault: ModelFault) -> web.Response:
    return web.Response(text="upstream connect error or disconnect/reset before headers", status=fault.http_status)


ERRORS: Final[Mapping[FaultKind, Callable[[ModelFault], web.Response]]] = {
    FaultKind.RATE_LIMITED: _rate_limited,
    FaultKind.SERVER_ERROR: _server_error,
    FaultKind.UNAVAILABLE: _unavailable,
    FaultKind.UNAUTHORIZED: _unauthorized,
    FaultKind.CONTENT_FILTER_ERROR: _content_filter,
    FaultKind.HTML_ERROR: _html,
    FaultKind.DETAIL_ERROR: _detail,
    FaultKind.PLAIN_TEXT_ERROR: _plain_text,
}
