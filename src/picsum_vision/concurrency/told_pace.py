"""A pace that answers state: how often the far side may be asked, and how much of that is left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from picsum_vision.concurrency.pace import LearningPace

if TYPE_CHECKING:
    from picsum_vision.concurrency.job import Feedback

# Shares of the most that was ever left.
_PLENTY: Final = 0.8
_LITTLE: Final = 0.5
_GROWTH_PER_S: Final = 0.1
_CUT_PER_S: Final = 0.5
_LEAST_OF_BASE: Final = 0.9
_LATENESS_S: Final = 0.1


class ToldPace(LearningPace):
    """No bound until an answer states one; then this task's share of it, before the first refusal.

    A statement is believed as long as what is left agrees with it: while nearly all is left, others do not use their shares,
    or the statement means another span of time, and the rate grows; while little is left, it shrinks. Refusals teach as
    they do where nothing is stated. States: unbounded -> told.
    """

    def __init__(self, share: float) -> None:
        """Take `share` of what will be stated."""
        super().__init__()
        self._share = share
        self._told_per_s: float | None = None
        self._told_next_at = float("-inf")
        self._most_left = 0.0
        self._judged_at = 0.0

    def wait_s(self, now: float) -> float:
        """Return the seconds until a start would be granted."""
        told_s = 0.0 if self._told_per_s is None else self._told_next_at - _LATENESS_S - now
        return max(super().wait_s(now), told_s)

    def start(self, now: float) -> None:
        """Count a start at `now`."""
        super().start(now)
        if self._told_per_s is not None:
            self._told_next_at = max(self._told_next_at, now - _LATENESS_S) + 1.0 / self._told_per_s

    def give_back(self) -> None:
        """Take back the last start."""
        super().give_back()
        if self._told_per_s is not None:
            self._told_next_at -= 1.0 / self._told_per_s

    def learn(self, feedback: Feedback, now: float) -> bool:
        """Take in what an answer states, and what a refusal teaches; returns whether there is a rate."""
        if feedback.told_per_s:
            base = feedback.told_per_s * self._share
            if self._told_per_s is None:
                self._told_per_s, self._told_next_at, self._judged_at = base, now, now
            if feedback.told_left is not None:
                self._judge(base, feedback.told_left, now)
        return super().learn(feedback, now) or self._told_per_s is not None

    def _judge(self, base: float, left: float, now: float) -> None:
        assert self._told_per_s is not None  # noqa: S101 - learn has set it
        self._most_left = max(self._most_left, left)
        since_s = min(1.0, now - self._judged_at)
        if left >= _PLENTY * self._most_left:
            self._told_per_s *= 1.0 + _GROWTH_PER_S * since_s
        elif left <= _LITTLE * self._most_left:
            lowest = min(self._told_per_s, _LEAST_OF_BASE * base)
            self._told_per_s = max(lowest, self._told_per_s * (1.0 - _CUT_PER_S * since_s))
        self._judged_at = now
