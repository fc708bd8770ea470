"""Connections that say what happened to them: whether they were used before, and to whom they really lead."""

from __future__ import annotations

import contextvars
import dataclasses
import time
from typing import Any

import aiohttp

from picsum_vision.transport.address_guard import BlockedAddress, GuardedResolver, SystemResolver, is_public


@dataclasses.dataclass(slots=True)
class ConnectionUse:
    """What the current request's connection is."""

    used_before: bool = False
    connected_at_s: float = 0.0


_current_use: contextvars.ContextVar[ConnectionUse | None] = contextvars.ContextVar("picsum_vision_connection_use", default=None)


def watch_connection() -> ConnectionUse:
    """Return what the connection of this task's next request will turn out to be."""
    use = ConnectionUse()
    _current_use.set(use)
    return use


class WatchedConnector(aiohttp.TCPConnector):
    """A connector that notes which connections it takes from its pool, and checks the address of each new one.

    A request that fails on a connection used before has probably met the host closing it while idle; that is no failure. The time
    that connecting took is no part of the host's latency.
    """

    def __init__(self, *, public_addresses_only: bool, **settings: Any) -> None:
        """Take aiohttp's settings but for the resolver."""
        super().__init__(resolver=GuardedResolver() if public_addresses_only else SystemResolver(), **settings)
        self._public_addresses_only = public_addresses_only

    async def connect(self, *args: Any, **keywords: Any) -> Any:
        """Return a connection from the pool, or a new one."""
        use = _current_use.get()
        if use is not None:
            use.used_before = True
        connection = await super().connect(*args, **keywords)
        if use is not None:
            use.connected_at_s = time.monotonic()
        return connection

    async def _create_connection(self, *args: Any, **keywords: Any) -> Any:
        protocol = await super()._create_connection(*args, **keywords)
        use = _current_use.get()
        if use is not None:
            use.used_before = False
        if self._public_addresses_only:
            peer = protocol.transport.get_extra_info("peername") if protocol.transport is not None else None
            if not peer or not is_public(peer[0]):
                protocol.close()
                raise BlockedAddress
        return protocol
