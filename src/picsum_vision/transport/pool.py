"""Connections that wait to be used again."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from picsum_vision.transport.connection import HttpConnection
from picsum_vision.transport.origin import Origin

# Lorem Picsum and many others close an idle connection after 5 s; one that we close first is never found closed.
KEEP_ALIVE_S: Final = 4.0
_SWEEP_S: Final = 1.0


class ConnectionPool:
    """The idle connections of each origin; the one that was used last is taken first, so that the others can age and go."""

    def __init__(self, loop: asyncio.AbstractEventLoop, keep_alive_s: float = KEEP_ALIVE_S) -> None:
        """Keep an idle connection for `keep_alive_s` seconds."""
        self._loop = loop
        self._keep_alive_s = keep_alive_s
        self._idle: dict[Origin, deque[HttpConnection]] = {}
        self._sweep: asyncio.TimerHandle | None = None

    def take(self, origin: Origin) -> HttpConnection | None:
        """Return an open connection to `origin`, None if there is none."""
        idle = self._idle.get(origin)
        oldest_s = self._loop.time() - self._keep_alive_s
        while idle:
            connection = idle.pop()
            if connection.is_open and connection.idle_since_s > oldest_s:
                return connection
            connection.abort()
        return None

    def give_back(self, origin: Origin, connection: HttpConnection) -> None:
        """Keep a connection for the next request."""
        self._idle.setdefault(origin, deque()).append(connection)
        if self._sweep is None:
            self._sweep = self._loop.call_later(_SWEEP_S, self._close_old)

    def close(self) -> None:
        """Close all that is idle."""
        for idle in self._idle.values():
            for connection in idle:
                connection.abort()
        self._idle.clear()
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None

    def _close_old(self) -> None:
        oldest_s = self._loop.time() - self._keep_alive_s
        for origin, idle in list(self._idle.items()):
            while idle and (not idle[0].is_open or idle[0].idle_since_s <= oldest_s):
                idle.popleft().abort()
            if not idle:
                del self._idle[origin]
        self._sweep = self._loop.call_later(_SWEEP_S, self._close_old) if self._idle else None
