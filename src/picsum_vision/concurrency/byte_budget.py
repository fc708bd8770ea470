"""A bound on the bytes that are held at one time."""

from __future__ import annotations

import asyncio
from collections import deque


class ByteBudget:
    """Hands out bytes up to a capacity, in the order asked; one owner at a time may go beyond it.

    Without that one, images that each hold half of what they need would wait for one another for ever.
    Invariant: the bytes held never exceed the capacity plus what the one owner takes beyond it (one image).
    In an ordered run the one owner must be the row that everything else waits for: `first_in_line` says which.
    """

    def __init__(self, capacity: int) -> None:
        """Hold at most `capacity` bytes."""
        self._capacity = capacity
        self.held = 0
        self._beyond: int | None = None
        self._waiting: deque[tuple[int, int, asyncio.Future[None]]] = deque()
        self.first_in_line: int | None = None

    def take_now(self, owner: int, number: int) -> bool:
        """Take `number` bytes for row `owner` if that needs no wait."""
        if self.held + number > self._capacity and not self._may_go_beyond(owner):
            return False
        if self.held + number > self._capacity:
            self._beyond = owner
        self.held += number
        return True

    async def take(self, owner: int, number: int) -> None:
        """Take `number` bytes for row `owner`, waiting until they are free."""
        if not self._waiting and self.take_now(owner, number):
            return
        if self._may_go_beyond(owner) and self.take_now(owner, number):
            return
        ticket = (owner, number, asyncio.get_running_loop().create_future())
        self._waiting.append(ticket)
        try:
            await ticket[2]
        except asyncio.CancelledError:
            if ticket in self._waiting:
                self._waiting.remove(ticket)
            elif ticket[2].done() and not ticket[2].cancelled():
                self.give_back(owner, number)
            raise

    def give_back(self, owner: int, number: int) -> None:
        """Return `number` bytes of row `owner`, and serve who waits."""
        self.held -= number
        if self._beyond == owner:
            self._beyond = None
        self.serve()

    def serve(self) -> None:
        """Grant what can be granted, first come first served; the row that may go beyond comes before all."""
        for ticket in list(self._waiting):
            owner, number, granted = ticket
            if granted.done():
                continue
            if self.take_now(owner, number):
                self._waiting.remove(ticket)
                granted.set_result(None)
            elif self.first_in_line is None:
                return

    def _may_go_beyond(self, owner: int) -> bool:
        if self._beyond is not None:
            return self._beyond == owner
        return self.first_in_line is None or self.first_in_line == owner
