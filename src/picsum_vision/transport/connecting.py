"""From an origin to an open connection: names, addresses, the guard, TLS."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from typing import Final

from picsum_vision.concurrency.deadline import Deadline, DeadlinePassed
from picsum_vision.transport.address_guard import BlockedAddress, is_public
from picsum_vision.transport.connection import READ_BYTES, HttpConnection
from picsum_vision.transport.name_lookup import Address, Names
from picsum_vision.transport.origin import Origin

# RFC 8305 ("happy eyeballs"): the next address is tried when the one before has not answered for so long.
_NEXT_ADDRESS_AFTER_S: Final = 0.25

_Opening = asyncio.Task[tuple[asyncio.Transport, HttpConnection]]


class Connector:
    """Opens connections. The time for the name is the caller's; connecting and TLS have `connect_timeout_s` together."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, public_addresses_only: bool, connect_timeout_s: float) -> None:
        """Connect to public addresses only, or to any."""
        self._loop = loop
        self._public_addresses_only = public_addresses_only
        self._connect_timeout_s = connect_timeout_s
        self._names = Names(loop)
        self._buffer = bytearray(READ_BYTES)
        self._tls: ssl.SSLContext | None = None

    def close(self) -> None:
        """Wait for no name any more."""
        self._names.close()

    async def connect(self, origin: Origin, on_idle: Callable[[HttpConnection], None]) -> HttpConnection:
        """Return a connection to `origin`; raises OSError, ssl.SSLError, DeadlinePassed or BlockedAddress."""
        addresses = await self._names.addresses(origin.host, origin.port)
        if self._public_addresses_only and not all(is_public(address.host) for address in addresses):
            raise BlockedAddress
        try:
            async with Deadline(self._connect_timeout_s):
                sock = await self._first_to_answer(addresses)
                return await self._speak_http(sock, origin, on_idle)
        except (OSError, DeadlinePassed):
            self._names.forget(origin.host, origin.port)
            raise

    async def _speak_http(self, sock: socket.socket, origin: Origin, on_idle: Callable[[HttpConnection], None]) -> HttpConnection:
        connection = HttpConnection(self._loop, self._buffer, on_idle)
        opening: _Opening | None = None
        try:
            self._check_peer(sock)
            secure = origin.scheme == "https"
            opening = self._loop.create_task(
                self._loop.create_connection(
                    lambda: connection,
                    sock=sock,
                    ssl=self._tls_context() if secure else None,
                    server_hostname=origin.host if secure else None,
                )
            )
            await asyncio.shield(opening)
        except BaseException:
            if opening is None:
                sock.close()
            else:
                # A turn of the loop later: asyncio's TLS that is cancelled before it has seen its socket goes on with it.
                self._loop.call_soon(opening.cancel)
                opening.add_done_callback(lambda opened: _drop(opened, connection, sock))
            raise
        return connection

    def _check_peer(self, sock: socket.socket) -> None:
        if self._public_addresses_only and not is_public(sock.getpeername()[0]):
            raise BlockedAddress

    def _tls_context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls

    async def _first_to_answer(self, addresses: Sequence[Address]) -> socket.socket:
        """Return a socket to the first address that answers; each is given a start of a quarter second before the next."""
        if len(addresses) == 1:
            return await self._open(addresses[0])
        attempts: list[asyncio.Task[socket.socket]] = []
        try:
            for number, address in enumerate(addresses, 1):
                attempts.append(self._loop.create_task(self._open(address)))
                patience_s = None if number == len(addresses) else _NEXT_ADDRESS_AFTER_S
                winner = await _first_success(attempts, patience_s)
                if winner is not None:
                    return attempts.pop(attempts.index(winner)).result()
            raise attempts[0].exception() or OSError("no address answers")
        finally:
            for attempt in attempts:
                attempt.cancel()
                attempt.add_done_callback(_close_late)

    async def _open(self, address: Address) -> socket.socket:
        sock = socket.socket(address.family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)  # noqa: FBT003 - its name in the standard library
            await self._loop.sock_connect(sock, address.socket_address)
        except BaseException:
            sock.close()
            raise
        return sock


async def _first_success(
    attempts: Sequence[asyncio.Task[socket.socket]], patience_s: float | None
) -> asyncio.Task[socket.socket] | None:
    """Return the first attempt that succeeds within the patience, None if none does or all have failed."""
    open_attempts = {attempt for attempt in attempts if not attempt.done()}
    while open_attempts:
        done, open_attempts = await asyncio.wait(open_attempts, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
        for attempt in done:
            if attempt.exception() is None:
                return attempt
        if not done:
            return None
    return None


def _drop(opened: _Opening, connection: HttpConnection, sock: socket.socket) -> None:
    if not opened.cancelled():
        opened.exception()  # whoever has given up does not ask for it
    # First, for TLS that has just begun would go on saying goodbye on a number that another socket may have by then.
    connection.abort()
    sock.close()


def _close_late(attempt: asyncio.Task[socket.socket]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()
