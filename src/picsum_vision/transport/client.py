"""The HTTP client of a worker process: libcurl's transfers on its loop. No retries, no redirects, no cookies.

Why libcurl: docs/decisions/0021.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping
from typing import Final

from picsum_vision.concurrency.deadline import Deadline, DeadlinePassed
from picsum_vision.concurrency.loop_thread import LoopThread
from picsum_vision.concurrency.recent import Recent
from picsum_vision.transport.address_guard import BlockedAddress, is_public, written_address
from picsum_vision.transport.exchange import Exchange, Sink
from picsum_vision.transport.failures import CurlError
from picsum_vision.transport.multi import Multi
from picsum_vision.transport.name_lookup import Names
from picsum_vision.transport.network import route
from picsum_vision.transport.origin import HeaderLines, Origin, RequestTarget
from picsum_vision.transport.transfer import Request, Transfer
from picsum_vision.transport.watchdog import Watchdog

# Behind a proxy most names cannot be looked up here; that must not cost much.
_NAME_BEHIND_A_PROXY_S: Final = 2.0


class HttpClient:
    """Sends requests over connections that it keeps. To be used on one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, public_addresses_only: bool, connect_timeout_s: float) -> None:
        """Open nothing yet."""
        self._loop = loop
        self._public_addresses_only = public_addresses_only
        self._connect_timeout_s = connect_timeout_s
        self._multi = Multi(loop)
        self._idle: list[Transfer] = []
        self._names = Names(loop)
        self._routes = Recent()
        self._behind_proxies = Recent()
        self._watchdog = Watchdog(loop)

    def time_s(self) -> float:
        """Return the clock that exchanges are timed by."""
        return self._loop.time()

    async def get(self, target: RequestTarget, headers: HeaderLines, sink: Sink, left_s: float) -> Exchange:
        """Send a GET and return when the answer is whole or the sink has enough; `left_s` bounds it all, connecting included.

        A connection that the host has closed while it was idle is no failure: the request goes out on another one.
        Raises what `transport.failures` translates, BlockedAddress, and what the sink raises.
        """
        expires_at_s = self._loop.time() + left_s
        request = await self._request(target, headers, expires_at_s)
        try:
            return await self._exchange(request, sink, expires_at_s)
        except CurlError as lost:
            if not lost.is_stale:
                raise
        # libcurl has tried other idle connections itself; the host had closed those, too.
        return await self._exchange(request._replace(fresh=True), sink, expires_at_s)

    async def post(self, target: RequestTarget, headers: HeaderLines, body: bytes, sink: Sink, left_s: float) -> Exchange:
        """Send a POST, once: where the connection breaks nobody knows whether it was worked on."""
        return await self.post_parts(target, headers, (body,), length=len(body), sink=sink, left_s=left_s)

    async def post_parts(
        self, target: RequestTarget, headers: HeaderLines, parts: Iterable[bytes], *, length: int, sink: Sink, left_s: float
    ) -> Exchange:
        """Send a POST, once, whose body of `length` bytes comes in parts; not more of them are in memory than are under way."""
        expires_at_s = self._loop.time() + left_s
        request = await self._request(target, headers, expires_at_s)
        return await self._exchange(request._replace(body=parts, length=length), sink, expires_at_s)

    async def close(self) -> None:
        """Close what is idle, and end the lookups of names that nobody waits for."""
        self._names.close()
        self._multi.close()
        self._idle.clear()
        await asyncio.sleep(0)

    async def _exchange(self, request: Request, sink: Sink, expires_at_s: float) -> Exchange:
        transfer = self._idle.pop() if self._idle else Transfer(self._loop, self._multi, self._connect_timeout_s)
        exchange = Exchange(sink, self._loop, expires_at_s - self._loop.time())
        transfer.start(request, exchange)
        self._watchdog.watch(exchange, transfer)
        try:
            await exchange.done
        except CurlError as error:
            error.is_stale = transfer.was_on_a_stale_connection
            raise
        except BaseException:  # given up
            transfer.stop()
            exchange.give_up()
            raise
        finally:
            self._watchdog.forget(exchange)
            self._idle.append(transfer)
            if exchange.head is None:
                self._names.forget(request.host)
        return exchange

    async def _request(self, target: RequestTarget, headers: HeaderLines, expires_at_s: float) -> Request:
        origin = target.origin
        way = self._routes.keep(origin, lambda: route(origin, os.environ, public_addresses_only=self._public_addresses_only))
        if target.authorization:
            headers = (*headers, target.authorization)
        resolved = ""
        if way.is_proxied:
            await self._look_past_the_proxy(origin.host)
        elif written_address(origin.host) is None:
            resolved = await self._resolved(origin, expires_at_s)
        return Request(origin.host, f"{origin.url}{target.path.decode('ascii')}", headers, way, resolved)

    async def _resolved(self, origin: Origin, expires_at_s: float) -> str:
        addresses = self._names.known(origin.host)
        if addresses is None:
            left_s = expires_at_s - self._loop.time()
            if left_s <= 0:
                raise DeadlinePassed
            async with Deadline(left_s):
                addresses = await self._names.addresses(origin.host)
        if self._public_addresses_only and not all(is_public(address) for address in addresses):
            raise BlockedAddress
        written = ",".join(f"[{address}]" if ":" in address else address for address in addresses)
        return f"+{origin.host}:{origin.port}:{written}"

    async def _look_past_the_proxy(self, host: str) -> None:
        """Raise BlockedAddress for a host that has, as far as this machine can tell, an address that nobody may ask."""
        if not self._public_addresses_only:
            return
        looked = self._behind_proxies.keep(host, lambda: asyncio.ensure_future(self._is_private_here(host)))
        if await asyncio.shield(looked):
            raise BlockedAddress

    async def _is_private_here(self, host: str) -> bool:
        if (address := written_address(host)) is not None:
            return not is_public(address)
        try:
            async with Deadline(_NAME_BEHIND_A_PROXY_S):
                addresses = await self._names.addresses(host)
        except (OSError, UnicodeError, DeadlinePassed):
            return False  # the proxy alone knows the name: what it connects to is its affair
        return not all(is_public(address) for address in addresses)


def http_client(loop_thread: LoopThread, *, public_addresses_only: bool, connect_timeout_s: float) -> HttpClient:
    """Return the process's client for these settings, made at the first call. To be called on the loop."""
    key = ("client", public_addresses_only, connect_timeout_s)
    return loop_thread.keep(
        key,
        lambda: HttpClient(loop_thread.loop, public_addresses_only=public_addresses_only, connect_timeout_s=connect_timeout_s),
    )


def header_lines(headers: Mapping[str, str]) -> HeaderLines:
    """Return header fields as they are sent; raises ValueError for what would be more than one line."""
    lines = [f"{name}: {value}" for name, value in headers.items()]
    if any(mark in line for line in lines for mark in "\r\n\0"):
        raise ValueError("a header's name or value has a line end in it")
    return tuple(line.encode("utf-8") for line in lines)
