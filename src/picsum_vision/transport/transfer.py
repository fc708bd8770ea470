"""One libcurl handle: a request at a time, its answer handed to the sink of its exchange.

States: idle -> running (reading or, for its sink, waiting) -> over -> idle. Invariants: an exchange that was started is ended
exactly once; no exception leaves a callback, for pycurl would print it and go on: it is kept, and libcurl is told to stop.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import pycurl

from picsum_vision.transport.address_guard import BlockedAddress, is_public
from picsum_vision.transport.exchange import EnoughRead, Exchange
from picsum_vision.transport.failures import BadAnswer, CurlError, TransportFailure, curl_error
from picsum_vision.transport.head import Fields, Head
from picsum_vision.transport.multi import Multi
from picsum_vision.transport.network import Route
from picsum_vision.transport.origin import HeaderLines

_BUFFER_BYTES: Final = 262_144
_HEAD_BYTES_AT_MOST: Final = 65_536
# What a proxy says to CONNECT is not the host's head. libcurl's number: pycurl has no name for it.
_SUPPRESS_CONNECT_HEADERS: Final = 265
# An idle server closes after 5 s and more (uvicorn; Node.js, nginx later); a connection that we end first is never found closed.
_IDLE_CONNECTION_S: Final = 4
_STOP: Final = -1
_INTERIM: Final = range(100, 200)
# What libcurl would send of its own accord.
_UNASKED: Final = (b"Accept", b"User-Agent", b"Content-Type", b"Expect")


class Request(NamedTuple):
    """What is sent, and where to.

    `resolved` is the host's name with its addresses as libcurl takes them, empty where it is not to be looked up here. `body` in
    parts, of `length` bytes in all; None for a GET.
    """

    host: str
    url: str
    headers: HeaderLines
    route: Route
    resolved: str = ""
    body: Iterable[bytes] | None = None
    length: int = 0
    fresh: bool = False


class Transfer:
    """A handle, to be used again for request after request."""

    def __init__(self, loop: asyncio.AbstractEventLoop, multi: Multi, connect_timeout_s: float) -> None:
        """Set what is the same for all requests."""
        self._loop = loop
        self._multi = multi
        self._exchange: Exchange | None = None
        self._headers: HeaderLines | None = None
        self._route: Route | None = None
        self._waiting: asyncio.Future[None] | None = None
        self._is_whole = False
        self._handle = handle = pycurl.Curl()
        options: dict[int, Any] = {
            pycurl.NOSIGNAL: 1,
            pycurl.BUFFERSIZE: _BUFFER_BYTES,
            pycurl.PATH_AS_IS: 1,
            pycurl.HTTP09_ALLOWED: 0,
            pycurl.PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
            pycurl.CONNECTTIMEOUT_MS: round(connect_timeout_s * 1000),
            pycurl.MAXAGE_CONN: _IDLE_CONNECTION_S,
            _SUPPRESS_CONNECT_HEADERS: 1,
            pycurl.OPENSOCKETFUNCTION: self._open_socket,
            pycurl.HEADERFUNCTION: self._take_line,
            pycurl.WRITEFUNCTION: self._take_body,
            pycurl.READFUNCTION: self._give_body,
            # A body that has begun is never sent a second time: nobody knows what became of the first.
            pycurl.SEEKFUNCTION: lambda *_: pycurl.SEEKFUNC_FAIL,
        }
        for option, value in options.items():
            handle.setopt(option, value)

    def start(self, request: Request, exchange: Exchange) -> None:
        """Send the request; the exchange ends when the answer is whole, or the transfer fails."""
        self._exchange = exchange
        self._error: BaseException | None = None
        self._is_whole = False
        self._fields: Fields = []
        self._status = self._head_bytes = self._opened = 0
        self._parts: Iterator[bytes] = iter(request.body or ())
        self._part = memoryview(b"")
        handle = self._handle
        if request.headers is not self._headers:
            handle.setopt(pycurl.HTTPHEADER, _fields_to_send(request.headers))
            self._headers = request.headers
        self._is_guarded = request.route.public_addresses_only
        if request.route is not self._route:
            for option, value in request.route.options:
                handle.setopt(option, value)
            self._route = request.route
        handle.setopt(pycurl.URL, request.url)
        if request.resolved:
            handle.setopt(pycurl.RESOLVE, [request.resolved])
        handle.setopt(pycurl.FRESH_CONNECT, request.fresh)
        if request.body is None:
            handle.setopt(pycurl.HTTPGET, 1)
        else:
            handle.setopt(pycurl.POST, 1)
            handle.setopt(pycurl.POSTFIELDSIZE_LARGE, request.length)
        self._multi.add(handle, self._end)

    @property
    def was_on_a_stale_connection(self) -> bool:
        """Whether the last request went over connections that had served before, and not a byte came back."""
        return not self._head_bytes and not self._opened

    def fail(self, error: BaseException) -> None:
        """End the exchange with `error` (EnoughRead: with success), and its connection. Not to be called by a callback."""
        exchange = self._exchange
        self.stop()
        if exchange is None or exchange.done.done():
            return
        if isinstance(error, EnoughRead):
            exchange.done.set_result(None)
        else:
            exchange.done.set_exception(error)

    def stop(self) -> None:
        """Give the request up, if it still runs."""
        self._exchange = None
        self._parts = iter(())
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        self._multi.remove(self._handle)

    # What libcurl calls.

    def _open_socket(self, purpose: int, address: tuple[int, int, int, tuple[Any, ...]]) -> Any:
        del purpose
        family, kind, protocol, (host, *_) = address
        self._opened += 1
        if self._is_guarded and not is_public(host.decode() if isinstance(host, bytes) else host):
            self._error = BlockedAddress()
            return pycurl.SOCKET_BAD
        try:
            return socket.socket(family, kind, protocol)
        except OSError as error:  # too many open files
            self._error = error
            return pycurl.SOCKET_BAD

    def _take_line(self, line: bytes) -> int | None:
        exchange = self._exchange
        if exchange is None or exchange.head is not None:  # given up; a trailer
            return None
        if self._head_bytes > _HEAD_BYTES_AT_MOST:
            self._error = BadAnswer("a head of more than 64 KiB")
            return _STOP
        try:
            self._head_bytes += len(line)
            if line.startswith(b"HTTP/"):
                self._status, self._fields = int(line.split(None, 2)[1]), []
            elif line.strip():
                name, _, value = line.partition(b":")
                self._fields.append((name, value.strip()))
            elif self._status not in _INTERIM:
                head = Head(self._status, self._fields)
                exchange.begin_body(head, self._loop.time())
                exchange.sink.head(head)
                self._ask_to_wait(exchange)
        except Exception as error:  # noqa: BLE001 - the same
            self._error = error
            return _STOP
        return None

    def _take_body(self, chunk: bytes) -> int | None:
        exchange = self._exchange
        if exchange is None:
            return _STOP
        if self._waiting is not None:
            return pycurl.WRITEFUNC_PAUSE
        try:
            exchange.sink.data(chunk)
            self._ask_to_wait(exchange)
        except Exception as error:  # noqa: BLE001 - the same
            self._error = error
            return _STOP
        return None

    def _give_body(self, size: int) -> bytes | int:
        try:
            while not self._part:
                part = next(self._parts, None)
                if part is None:
                    return b""
                self._part = memoryview(part)
        except BaseException as error:  # noqa: BLE001 - the same
            self._error = error
            return pycurl.READFUNC_ABORT
        sent, self._part = self._part[:size], self._part[size:]
        return bytes(sent)

    def _end(self, number: int, words: str) -> None:
        exchange = self._exchange
        assert exchange is not None  # noqa: S101 - a handle without one is not in the multi
        if self._error is not None or number:
            self.fail(self._error or curl_error(number, words, has_head=exchange.head is not None))
            return
        if exchange.head is None:
            self.fail(CurlError(TransportFailure.CONNECT, "the connection ended within the head of an answer"))
            return
        self._is_whole = True
        if self._waiting is None:
            self._go_on(exchange)

    # What follows.

    def _ask_to_wait(self, exchange: Exchange) -> None:
        wait = exchange.sink.wait()
        if wait is None:
            return
        exchange.pause(self._loop.time())
        # The awaitable itself, not a coroutine around it: cancelled before it began, that would never await it.
        self._waiting = asyncio.ensure_future(wait, loop=self._loop)
        self._waiting.add_done_callback(lambda waited: self._stop_waiting(exchange, waited))
        if not self._is_whole:
            self._handle.pause(pycurl.PAUSE_RECV)

    def _stop_waiting(self, exchange: Exchange, waited: asyncio.Future[None]) -> None:
        error = None if waited.cancelled() else waited.exception()
        if self._waiting is not waited:
            return  # the exchange was ended meanwhile
        self._waiting = None
        exchange.resume(self._loop.time())
        if waited.cancelled():
            self.stop()
            exchange.done.cancel()
            return
        if error is not None:
            self.fail(error)
        else:
            self._go_on(exchange)

    def _go_on(self, exchange: Exchange) -> None:
        """Wait for the sink, or let more come, or end."""
        try:
            self._ask_to_wait(exchange)
            if self._waiting is None and not self._is_whole:
                self._handle.pause(pycurl.PAUSE_CONT)
            elif self._waiting is None:
                exchange.sink.end()
                self._finish(exchange)
        except Exception as error:  # noqa: BLE001 - the same
            self.fail(error)

    def _finish(self, exchange: Exchange) -> None:
        info = self._handle.getinfo
        exchange.latency_s = info(pycurl.STARTTRANSFER_TIME) - info(pycurl.PRETRANSFER_TIME)
        self._exchange = None
        if not exchange.done.done():
            exchange.done.set_result(None)


def _fields_to_send(headers: HeaderLines) -> list[bytes]:
    names = {line.partition(b":")[0].strip().lower() for line in headers}
    unasked = [name + b":" for name in _UNASKED if name.lower() not in names]
    # A field without a value is sent only if it is written so.
    return [line if line.partition(b":")[2].strip() else line.partition(b":")[0] + b";" for line in headers] + unasked
