"""When a task takes no further row, so that what it has done can be committed about every interval."""

from __future__ import annotations

from typing import Final

_WEIGHT: Final = 0.1  # of the newest row in the average


class StopClock:
    """Expects a row to take as long as the rows before it did.

    Invariants: it is over at `interval_s` at the latest, and not before one row has finished.
    """

    def __init__(self, interval_s: float, now_s: float) -> None:
        """Begin at `now_s`; all moments are of one clock."""
        self._ends_at_s = now_s + interval_s
        self._row_s: float | None = None

    def is_over(self, now_s: float, opened_at_s: float) -> bool:
        """Take in that a row that began at `opened_at_s` has finished; return whether another one would be too late."""
        took_s = now_s - opened_at_s
        self._row_s = took_s if self._row_s is None else self._row_s + _WEIGHT * (took_s - self._row_s)
        return now_s + self._row_s >= self._ends_at_s
