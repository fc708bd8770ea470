"""A bound on how often something may start."""

from __future__ import annotations


class Pace:
    """At most `per_second` starts a second, evenly spaced, with a small burst.

    Invariant: in any span of t seconds at most `burst + per_second * t` starts are granted. An even spacing rather than a full
    bucket, because the far side counts in windows that we do not know.
    """

    def __init__(self, per_second: float, burst: float = 1.0) -> None:
        """Grant `per_second` starts a second, `burst` of them at once."""
        self._interval_s = 1.0 / per_second
        self._tolerance_s = (burst - 1.0) * self._interval_s
        self._next_at = float("-inf")

    def wait_s(self, now: float) -> float:
        """Return the seconds until a start would be granted; 0 if it would be now."""
        return max(0.0, self._next_at - self._tolerance_s - now)

    def start(self, now: float) -> None:
        """Count a start at `now`, which `wait_s` has just allowed."""
        self._next_at = max(self._next_at, now) + self._interval_s
