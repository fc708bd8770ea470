"""A bound on the bytes that are held at one time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable


class NoRoom(Exception):  # noqa: N818 - the row goes back into its queue; it is never shown
    """There is no room now, and the row may not wait for it, because an earlier row may need what it holds."""


class ByteBudget:
    """Hands out bytes up to a capacity, in the order asked; one owner at a time may go beyond it.

    Without that one, images that each hold half of what they need would wait for one another for ever.
    Invariant: the bytes held never exceed the capacity plus what the one owner takes beyond it (one image).

    In an ordered run `first_in_line` is the row that all others wait for to leave: only it may go beyond, and nobody else may
    wait, for who waits holds a slot that the first one may need. Who finds no room then gets NoRoom, and begins again later.
    """

    def __init__(self, capacity: int) -> None:
        """Hold at most `capacity` bytes."""
        self.capacity = capacity
        self.held = 0
        self.first_in_line: int | None = None
        self.is_wanted = False  # somebody has found no room since bytes were last given back
        self.on_freed: Callable[[], None] = _nobody
        self._held_by: dict[int, int] = {}
        self._expected: dict[int, int] = {}
        self._expected_sum = 0
        self._usual_bytes = 0
        self._beyond: int | None = None
        self._waiting: deque[tuple[int, int, asyncio.Future[None]]] = deque()

    def may_begin(self, owner: int) -> bool:
        """Return whether an image of the usual size would fit, so that its download need not stop half way."""
        if owner == self.first_in_line or owner in self._held_by:
            return True
        taken = self.held + self._expected_sum
        fits = taken == 0 or taken + self._usual_bytes <= self.capacity
        self.is_wanted = self.is_wanted or not fits
        return fits

    def begin(self, owner: int) -> None:
        """Count the usual size for row `owner` until it takes its bytes, or ends."""
        if owner not in self._held_by and owner not in self._expected:
            self._expected[owner] = self._usual_bytes
            self._expected_sum += self._usual_bytes

    def end(self, owner: int) -> None:
        """Expect nothing more for row `owner`; what it holds stays held."""
        self._expected_sum -= self._expected.pop(owner, 0)

    def take_now(self, owner: int, number: int) -> bool:
        """Take `number` bytes for row `owner` if that needs no wait."""
        if self.held + number > self.capacity:
            if not self._may_go_beyond(owner):
                return False
            self._beyond = owner
        self.held += number
        self._held_by[owner] = self._held_by.get(owner, 0) + number
        self._usual_bytes = self.held // len(self._held_by)
        self.end(owner)
        return True

    async def take(self, owner: int, number: int) -> None:
        """Take `number` bytes for row `owner`, waiting until they are free; raises NoRoom where it may not wait."""
        if (not self._waiting or self._may_go_beyond(owner)) and self.take_now(owner, number):
            return
        self.is_wanted = True
        if self.first_in_line is not None:
            raise NoRoom
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
        left = self._held_by.pop(owner, 0) - number
        if left > 0:
            self._held_by[owner] = left
        if self.held <= self.capacity:
            self._beyond = None
        self.is_wanted = False
        self.serve()
        self.on_freed()

    def serve(self) -> None:
        """Grant what can be granted, first come first served."""
        while self._waiting:
            owner, number, granted = self._waiting[0]
            if not granted.done():
                if not self.take_now(owner, number):
                    return
                granted.set_result(None)
            self._waiting.popleft()

    def _may_go_beyond(self, owner: int) -> bool:
        if self.first_in_line is not None:
            return self.first_in_line == owner
        return self._beyond is None or self._beyond == owner


def _nobody() -> None:
    """Nobody waits for freed bytes."""
