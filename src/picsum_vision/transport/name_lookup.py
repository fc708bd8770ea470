"""Names to addresses in threads of our own, remembered for some minutes.

libcurl's own threads are 20, asyncio's fewer, and pycurl cannot set it: some names whose servers never answer would keep every
other name waiting, and the process from ending. Here each name has at most one lookup under way, which all who ask for it share
and which goes on when they give up.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from typing import Any, Final

_THREADS_AT_MOST: Final = 128
_REMEMBERED_S: Final = 300.0
_NAMES_AT_MOST: Final = 10_000
_FAMILIES: Final = (socket.AF_INET, socket.AF_INET6)

Addresses = tuple[str, ...]


class Names:
    """The system's `getaddrinfo`, bounded in threads, its good answers remembered. To be used on one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start no thread yet."""
        self._loop = loop
        self._known: dict[str, tuple[float, Addresses]] = {}
        self._under_way: dict[str, asyncio.Future[Addresses]] = {}
        self._threads = asyncio.Semaphore(_THREADS_AT_MOST)

    def known(self, host: str) -> Addresses | None:
        """Return the addresses that were found in the last minutes, None where the system must be asked."""
        until_s, known = self._known.get(host, (0.0, ()))
        return known if self._loop.time() < until_s else None

    async def addresses(self, host: str) -> Addresses:
        """Return the host's addresses, in the system's order of preference; raises socket.gaierror."""
        if host not in self._under_way:
            lookup = asyncio.ensure_future(self._in_thread(host))
            self._under_way[host] = lookup
            lookup.add_done_callback(lambda done: self._learn(host, done))
        # Shielded: who gives up must not take the others' answer along.
        return await asyncio.shield(self._under_way[host])

    def close(self) -> None:
        """Wait for no lookup any more; a thread that still asks for one ends by itself."""
        for lookup in self._under_way.values():
            lookup.cancel()

    def forget(self, host: str) -> None:
        """Ask the system again next time, for nobody answers at the addresses that were known."""
        self._known.pop(host, None)

    async def _in_thread(self, host: str) -> Addresses:
        async with self._threads:
            found: asyncio.Future[Addresses] = self._loop.create_future()

            def work() -> None:
                try:
                    answer: Addresses | Exception = _look_up(host)
                except Exception as error:  # noqa: BLE001 - told to who asks
                    answer = error
                # The loop may end while the system is asked: nobody wants to know any more.
                with contextlib.suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(_tell, found, answer)

            try:
                threading.Thread(target=work, name="picsum-vision-dns", daemon=True).start()
            except RuntimeError as error:
                raise socket.gaierror(socket.EAI_AGAIN, "no thread to look it up in") from error
            return await found

    def _learn(self, host: str, done: asyncio.Future[Addresses]) -> None:
        self._under_way.pop(host, None)
        # An exception is told to whoever still asks; nobody else need hear of it.
        if done.cancelled() or done.exception() is not None:
            return
        if len(self._known) >= _NAMES_AT_MOST:
            self._known.pop(next(iter(self._known)))
        self._known[host] = (self._loop.time() + _REMEMBERED_S, done.result())


def _tell(found: asyncio.Future[Addresses], answer: Addresses | Exception) -> None:
    if found.done():
        return
    if isinstance(answer, Exception):
        found.set_exception(answer)
    else:
        found.set_result(answer)


def _look_up(host: str) -> Addresses:
    """Ask for addresses that this machine can use, where it seems to have such."""
    try:
        return _asked(host, socket.AI_ADDRCONFIG)
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            raise
        # A machine whose only network is loopback, as some containers, knows no address at all with that flag.
        return _asked(host)


def _asked(host: str, flags: int = 0) -> Addresses:
    entries = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=flags)
    addresses = tuple(_written(place) for family, _, _, _, place in entries if family in _FAMILIES)
    if not addresses:
        raise socket.gaierror(socket.EAI_NONAME, "no IPv4 or IPv6 address")
    return addresses


def _written(address: tuple[Any, ...]) -> str:
    """Return the address, with its zone where it has one."""
    scoped = len(address) == 4 and address[3]  # noqa: PLR2004 - host, port, flow, scope: IPv6
    return socket.getnameinfo(address, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)[0] if scoped else str(address[0])
