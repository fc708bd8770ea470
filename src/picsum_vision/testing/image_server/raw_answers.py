"""Answers written byte by byte: exactly the headers that are asked for, and, for faults, anything else than a proper answer.

aiohttp's own responses add headers that the real service does not send (Content-Type to an answer without a body, Server) and
take pains to be correct, which a faulty server must not.
"""

from __future__ import annotations

import asyncio
import dataclasses
import email.utils
import functools
import http
import math
import socket
import struct
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from aiohttp import web

if TYPE_CHECKING:
    from aiohttp.abc import AbstractStreamWriter

Headers = Sequence[tuple[str, str]]

# On, and no seconds left: closing sends a reset instead of an orderly end.
_LINGER_NOT_AT_ALL: Final = struct.pack("ii", 1, 0)


@functools.lru_cache(maxsize=2)
def _date_header(unix_time_s: int) -> str:
    return f"\r\nDate: {email.utils.formatdate(unix_time_s, usegmt=True)}"


@functools.lru_cache(maxsize=1000)
def _status_line(status: int) -> str:
    return f"HTTP/1.1 {status} {_phrase(status)}"


def _phrase(status: int) -> str:
    known = {code.value: code.phrase for code in http.HTTPStatus}
    return known.get(status, "Unknown")


def head(status: int, headers: Headers) -> bytes:
    """Write a status line and headers, with the date."""
    lines = "".join([f"\r\n{name}: {value}" for name, value in headers])
    return f"{_status_line(status)}{_date_header(int(time.time()))}{lines}\r\n\r\n".encode("latin-1", "replace")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reply:
    """A proper answer, before it is sent."""

    status: int
    headers: Headers
    body: bytes = b""


def html_error(status: int, extra: Headers = ()) -> Reply:
    """Write an error page as nginx in front of a service does."""
    title = f"{status} {_phrase(status)}"
    page = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
        "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )
    return Reply(status=status, headers=[("Content-Type", "text/html"), *extra], body=page.encode())


def retry_after(form: str | None, seconds: float) -> Headers:
    """Write a Retry-After header in whole `seconds` (rounded up), as a `date` that far ahead, or (None) not at all."""
    whole = math.ceil(seconds)
    if form is None:
        return []
    date = email.utils.formatdate(math.ceil(time.time()) + whole, usegmt=True)
    return [("Retry-After", str(whole) if form == "seconds" else date)]


class Sent(web.StreamResponse):
    """Tells aiohttp that the answer is on its way already, and whether the connection lives on."""

    def __init__(self, *, keep_alive: bool) -> None:
        """Close the connection unless `keep_alive`."""
        super().__init__()
        self._lives_on = keep_alive

    @property
    def keep_alive(self) -> bool | None:
        """Whether the connection lives on."""
        return self._lives_on

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send nothing: it was sent."""
        del request
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Send nothing: it was sent."""


class Wire:
    """The connection that a request came on, to write an answer to. Counts what it writes."""

    def __init__(self, request: web.BaseRequest, gone: asyncio.Future[None]) -> None:
        """`gone` is done when the connection is lost."""
        self._request = request
        self._gone = gone
        self.status: int | None = None
        self.body_bytes = 0

    @property
    def is_gone(self) -> bool:
        """Whether the client has left."""
        return self._gone.done() or self._request.transport is None

    async def pause(self, seconds: float | None) -> None:
        """Wait so long (None: for ever), but no longer than the client does."""
        await asyncio.wait((self._gone,), timeout=seconds)

    async def start(self, reply: Reply, length: int | None = None) -> None:
        """Send the status line and the headers of `reply`, announcing a body of `length` bytes, if any."""
        self.status = reply.status
        await self._write(self._head(reply, length))

    async def body(self, data: bytes) -> None:
        """Send a part of the body as it stands, and wait until the client takes it."""
        self.body_bytes += len(data)
        await self._write(data)

    async def answer(self, reply: Reply) -> Sent:
        """Send a whole, proper answer with its Content-Length."""
        self.status = reply.status
        self.body_bytes += len(reply.body)
        await self._write(self._head(reply, len(reply.body)) + reply.body)
        return self.keep()

    def keep(self) -> Sent:
        """End the answer and keep the connection, if the client wants it so."""
        return Sent(keep_alive=self._request.keep_alive)

    def close(self) -> Sent:
        """End the answer by closing the connection, what was written being delivered first."""
        if self._request.transport is not None:
            self._request.transport.close()
        return Sent(keep_alive=False)

    def reset(self) -> Sent:
        """End the connection with a TCP reset."""
        transport = self._request.transport
        if transport is not None:
            tcp = transport.get_extra_info("socket")
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT_AT_ALL)
            transport.abort()
        return Sent(keep_alive=False)

    def _head(self, reply: Reply, length: int | None) -> bytes:
        announced = [] if length is None else [("Content-Length", str(length))]
        closing = [] if self._request.keep_alive else [("Connection", "close")]
        return head(reply.status, [*reply.headers, *announced, *closing])

    async def _write(self, data: bytes) -> None:
        transport = self._request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client has left")
        transport.write(data)
        await self._request.writer.drain()
