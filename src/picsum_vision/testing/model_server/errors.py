"""Errors as an OpenAI-compatible endpoint words them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping


class ApiError(Exception):
    """A request that the embedded model server refuses; `response` is what the client gets.

    `param` names the wrong field and `code` is the machine-readable word, as in OpenAI's own error bodies.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Refuse with HTTP `status`; `kind` becomes the body's `type`."""
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.param = param
        self.code = code
        self.headers = dict(headers or {})

    def body(self) -> dict[str, object]:
        """Return the error body: `{"error": {"message", "type", "param", "code"}}`."""
        return {"error": {"message": str(self), "type": self.kind, "param": self.param, "code": self.code}}

    def response(self) -> web.Response:
        """Return the HTTP answer."""
        return web.json_response(self.body(), status=self.status, headers=self.headers)
