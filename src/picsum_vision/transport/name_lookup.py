"""Names to addresses in threads of our own.

asyncio's default threads are few and shared: some names whose servers never answer would keep every other name waiting, and the
process from ending. Here each name has at most one lookup under way, which all who ask for it share and which goes on when they
give up.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any, Final

_THREADS_AT_MOST: Final = 128

Addresses = list[dict[str, Any]]


class NameLookup:
    """The system's `getaddrinfo`, bounded in threads. To be used on one event loop."""

    def __init__(self) -> None:
        """Start no thread yet."""
        self._under_way: dict[tuple[str, int, int], asyncio.Future[Addresses]] = {}
        self._threads = asyncio.Semaphore(_THREADS_AT_MOST)

    async def addresses(self, host: str, port: int, family: int) -> Addresses:
        """Return the host's addresses as aiohttp wants them; raises socket.gaierror."""
        key = (host, port, family)
        if key not in self._under_way:
            lookup = asyncio.ensure_future(self._in_thread(key))
            self._under_way[key] = lookup
            lookup.add_done_callback(lambda done: self._forget(key, done))
        # Shielded: who gives up must not take the others' answer along.
        return await asyncio.shield(self._under_way[key])

    async def _in_thread(self, key: tuple[str, int, int]) -> Addresses:
        async with self._threads:
            loop = asyncio.get_running_loop()
            found: asyncio.Future[Addresses] = loop.create_future()

            def work() -> None:
                try:
                    answer: Addresses | Exception = _look_up(*key)
                except (OSError, UnicodeError) as error:
                    answer = error
                if not loop.is_closed():
                    loop.call_soon_threadsafe(_tell, found, answer)

            threading.Thread(target=work, name="picsum-vision-dns", daemon=True).start()
            return await found

    def _forget(self, key: tuple[str, int, int], done: asyncio.Future[Addresses]) -> None:
        self._under_way.pop(key, None)
        if not done.cancelled():
            done.exception()  # told to whoever still asks; nobody else need hear of it


def _tell(found: asyncio.Future[Addresses], answer: Addresses | Exception) -> None:
    if found.done():
        return
    if isinstance(answer, Exception):
        found.set_exception(answer)
    else:
        found.set_result(answer)


def _look_up(host: str, port: int, family: int) -> Addresses:
    entries = socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [
        {
            "hostname": host,
            "host": _written(address),
            "port": address[1],
            "family": kind,
            "proto": proto,
            "flags": socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
        }
        for kind, _, proto, _, address in entries
        if kind in (socket.AF_INET, socket.AF_INET6)
    ]


def _written(address: tuple[Any, ...]) -> str:
    """Return the address, with its zone where it has one."""
    scoped = len(address) == 4 and address[3]  # noqa: PLR2004 - host, port, flow, scope: IPv6
    return socket.getnameinfo(address, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)[0] if scoped else str(address[0])
