"""The deadlines of all exchanges of a loop, looked at ten times a second.

A timer for each request would cost more than the rest of what is done for it; nobody notices whether a deadline of seconds is
kept to a hundredth.
"""

from __future__ import annotations

import asyncio
from typing import Final

from picsum_vision.concurrency.deadline import DeadlinePassed
from picsum_vision.transport.exchange import Exchange
from picsum_vision.transport.transfer import Transfer

_TICK_S: Final = 0.1


class Watchdog:
    """Ends what takes too long. Invariant: it ticks only while something is watched."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Watch nothing yet."""
        self._loop = loop
        self._watched: dict[Exchange, Transfer] = {}
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, exchange: Exchange, transfer: Transfer) -> None:
        """Watch an exchange until `forget`."""
        self._watched[exchange] = transfer
        if self._timer is None:
            self._timer = self._loop.call_later(_TICK_S, self._tick)

    def forget(self, exchange: Exchange) -> None:
        """Watch it no longer."""
        self._watched.pop(exchange, None)

    def _tick(self) -> None:
        now_s = self._loop.time()
        for exchange, transfer in list(self._watched.items()):
            if exchange.waits_since_s is not None or exchange.done.done():
                continue
            if now_s >= exchange.expires_at_s:
                transfer.fail(DeadlinePassed())
            elif exchange.head is not None:
                self._look(exchange, transfer, now_s - exchange.body_began_at_s)
        self._timer = self._loop.call_later(_TICK_S, self._tick) if self._watched else None

    @staticmethod
    def _look(exchange: Exchange, transfer: Transfer, seconds: float) -> None:
        try:
            exchange.sink.look(seconds)
        except Exception as error:  # noqa: BLE001 - the sink's own reasons, which its owner awaits
            transfer.fail(error)
