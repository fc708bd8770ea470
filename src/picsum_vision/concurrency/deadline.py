"""A time limit that can stand still while its owner waits for something that is not its fault."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self


class DeadlinePassed(Exception):  # noqa: N818 - the word that the callers use; it is turned into an outcome, never shown
    """The time was used up."""


class Deadline:
    """`async with Deadline(seconds)`: cancels the block and raises DeadlinePassed when the seconds are used up.

    Between `pause` and `resume` no time is used. asyncio's own timeout (Python 3.11) has no pause. A cancellation by
    somebody else goes through as such. On Python 3.10, which does not count cancellations, one that falls into the very same turn
    of the loop is taken for ours.
    """

    __slots__ = ("_expires_at", "_fired", "_handle", "_left_s", "_loop", "_task")

    def __init__(self, seconds: float) -> None:
        """Allow `seconds` of unpaused time."""
        self._left_s = seconds
        self._fired = False
        self._handle: asyncio.TimerHandle | None = None

    @property
    def left_s(self) -> float:
        """The seconds that are left, below 0 if the end was noticed late."""
        return self._left_s if self._handle is None else self._expires_at - self._loop.time()

    async def __aenter__(self) -> Self:
        """Start the clock."""
        self._loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a Deadline needs a running task")
        self._task = task
        self.resume()
        return self

    def pause(self) -> None:
        """Stop the clock."""
        if self._handle is not None:
            self._left_s = self.left_s
            self._handle.cancel()
            self._handle = None

    def resume(self) -> None:
        """Let the clock go on; no change if it runs, or has run out."""
        if self._handle is None and not self._fired:
            self._expires_at = self._loop.time() + self._left_s
            self._handle = self._loop.call_later(max(0.0, self._left_s), self._fire)

    def _fire(self) -> None:
        self._fired = True
        self._handle = None
        self._left_s = self._expires_at - self._loop.time()
        self._task.cancel()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop the clock; turn our own cancellation into DeadlinePassed, and leave anybody else's alone."""
        self.pause()
        if not self._fired:
            return
        uncancel = getattr(self._task, "uncancel", None)  # Python 3.11
        cancelled_by_others = uncancel is not None and uncancel() > 0
        if kind is asyncio.CancelledError and not cancelled_by_others:
            raise DeadlinePassed from error
