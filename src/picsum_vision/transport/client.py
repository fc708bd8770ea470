"""The HTTP client of a worker process: one request at a time for each connection, no retries, no redirects, no cookies.

It takes no proxy (and no password from .netrc) from the environment: a proxy would be the one that connects, and the address
guard would check the proxy's address instead of the picture's. Why it is our own: docs/decisions/0003.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final

from picsum_vision.concurrency.deadline import Deadline, DeadlinePassed
from picsum_vision.concurrency.loop_thread import LoopThread
from picsum_vision.transport.connecting import Connector
from picsum_vision.transport.connection import HttpConnection
from picsum_vision.transport.exchange import Exchange, Sink
from picsum_vision.transport.failures import ConnectionLost
from picsum_vision.transport.origin import Origin, RequestTarget
from picsum_vision.transport.pool import ConnectionPool
from picsum_vision.transport.watchdog import Watchdog

_STALE_CONNECTIONS_AT_MOST: Final = 3


class HttpClient:
    """Sends requests over connections that it keeps. To be used on one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, public_addresses_only: bool, connect_timeout_s: float) -> None:
        """Open nothing yet."""
        self._loop = loop
        self._connector = Connector(loop, public_addresses_only=public_addresses_only, connect_timeout_s=connect_timeout_s)
        self._pool = ConnectionPool(loop)
        self._watchdog = Watchdog(loop)

    def time_s(self) -> float:
        """Return the clock that exchanges are timed by."""
        return self._loop.time()

    async def get(self, target: RequestTarget, headers: bytes, sink: Sink, left_s: float) -> Exchange:
        """Send a GET and return when the answer is whole or the sink has enough; `left_s` bounds it all, connecting included.

        A connection that the host has closed while it was idle is no failure: the request goes out on another one.
        Raises what `transport.failures` translates, BlockedAddress, and what the sink raises.
        """
        origin = target.origin
        request = request_head(b"GET", target, headers) + b"\r\n"
        expires_at_s = self._loop.time() + left_s
        stale = 0
        while True:
            try:
                return await self._exchange(origin, request, sink, expires_at_s, fresh=stale >= _STALE_CONNECTIONS_AT_MOST)
            except ConnectionLost as lost:  # noqa: PERF203 - a try costs nothing beside a request
                if not lost.stale:
                    raise
                stale += 1

    async def post(self, target: RequestTarget, headers: bytes, body: bytes, sink: Sink, left_s: float) -> Exchange:
        """Send a POST, once: where the connection breaks nobody knows whether it was worked on."""
        head = request_head(b"POST", target, headers) + b"Content-Length: %d\r\n\r\n" % len(body)
        return await self._exchange(target.origin, head + body, sink, self._loop.time() + left_s)

    async def post_parts(
        self, target: RequestTarget, headers: bytes, parts: Iterable[bytes], *, length: int, sink: Sink, left_s: float
    ) -> Exchange:
        """Send a POST, once, whose body of `length` bytes comes in parts; not more of them are in memory than are under way."""
        head = request_head(b"POST", target, headers) + b"Content-Length: %d\r\n\r\n" % length
        return await self._exchange(target.origin, head, sink, self._loop.time() + left_s, parts=parts)

    async def close(self) -> None:
        """Close what is idle, and end the lookups of names that nobody waits for."""
        self._pool.close()
        self._connector.close()
        await asyncio.sleep(0)

    async def _exchange(
        self,
        origin: Origin,
        request: bytes,
        sink: Sink,
        expires_at_s: float,
        *,
        fresh: bool = False,
        parts: Iterable[bytes] | None = None,
    ) -> Exchange:
        connection = None if fresh else self._pool.take(origin)
        if connection is None:
            connection = await self._connect(origin, expires_at_s)
        exchange = Exchange(sink, self._loop, expires_at_s - self._loop.time())
        self._watchdog.watch(exchange, connection)
        try:
            if parts is None:
                connection.send(request, exchange)
            else:
                await connection.send_parts(request, parts, exchange)
            await exchange.done
        except BaseException:  # given up, or what the parts are read from has failed
            connection.give_up(exchange)
            exchange.give_up()
            raise
        finally:
            self._watchdog.forget(exchange)
        return exchange

    async def _connect(self, origin: Origin, expires_at_s: float) -> HttpConnection:
        left_s = expires_at_s - self._loop.time()
        if left_s <= 0:
            raise DeadlinePassed
        async with Deadline(left_s):
            return await self._connector.connect(origin, lambda connection: self._pool.give_back(origin, connection))


def http_client(loop_thread: LoopThread, *, public_addresses_only: bool, connect_timeout_s: float) -> HttpClient:
    """Return the process's client for these settings, made at the first call. To be called on the loop."""
    key = ("client", public_addresses_only, connect_timeout_s)
    return loop_thread.keep(
        key,
        lambda: HttpClient(loop_thread.loop, public_addresses_only=public_addresses_only, connect_timeout_s=connect_timeout_s),
    )


def header_lines(headers: Mapping[str, str]) -> bytes:
    """Return header fields as they are sent; raises ValueError for what would be more than one line."""
    lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
    if any(line.count("\n") != 1 or line.count("\r") != 1 or "\0" in line for line in lines):
        raise ValueError("a header's name or value has a line end in it")
    return "".join(lines).encode("utf-8")


def request_head(method: bytes, target: RequestTarget, headers: bytes) -> bytes:
    """Return the head of a request without its last, empty line."""
    origin, path, authorization = target
    return b"%b %b HTTP/1.1\r\nHost: %b\r\n%b%b" % (method, path, origin.host_field, headers, authorization)
