"""How many requests one lane may have in flight: a fixed number, or one that is found by trying."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from picsum_vision.concurrency.job import Feedback

_START = 16
_DECREASE = 0.7
_MIN_PAUSE_BETWEEN_DECREASES_S = 0.5


class InFlightLimit(Protocol):
    """A bound on the requests in flight of one lane."""

    def allowed(self) -> int:
        """Return how many may be in flight now, at least 1."""
        ...

    def learn(self, feedback: Feedback, in_flight: int) -> None:
        """Take in what one finished request said; `in_flight` counts it still."""
        ...


class FixedLimit:
    """Always the same number."""

    def __init__(self, number: int) -> None:
        """Allow `number` requests in flight."""
        self._number = number

    def allowed(self) -> int:
        """Return the number."""
        return self._number

    def learn(self, feedback: Feedback, in_flight: int) -> None:
        """Learn nothing."""


class AdaptiveLimit:
    """Additive increase, multiplicative decrease, after a start that doubles.

    Invariants: 1 <= allowed() <= most; it grows only while the lane uses all that is allowed, and falls at most
    once in the time that requests in flight at the fall need to come back, for their refusals are one event, not many.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Start low, and allow `most` at the most."""
        self._most = most
        self._limit = float(min(_START, most))
        self._doubling = True
        self._clock = clock
        self._no_decrease_before = 0.0
        self._latency_s = 0.0

    def allowed(self) -> int:
        """Return how many may be in flight now."""
        return int(self._limit)

    def learn(self, feedback: Feedback, in_flight: int) -> None:
        """Fall on overload; rise on success, if the lane was full."""
        if feedback.overloaded:
            self._fall()
            return
        if feedback.latency_s is None:
            return
        self._latency_s += 0.1 * (feedback.latency_s - self._latency_s)
        if in_flight >= self.allowed():
            self._limit = min(float(self._most), self._limit + (1.0 if self._doubling else 1.0 / self._limit))

    def _fall(self) -> None:
        now = self._clock()
        self._doubling = False
        if now < self._no_decrease_before:
            return
        self._limit = max(1.0, self._limit * _DECREASE)
        self._no_decrease_before = now + max(_MIN_PAUSE_BETWEEN_DECREASES_S, 2 * self._latency_s)
