"""How many requests one lane may have in flight: a fixed number, or one that is found by trying."""

from __future__ import annotations

import math
from typing import Final, Protocol

from picsum_vision.concurrency.job import Feedback

_START: Final = 16
_DECREASE: Final = 0.7
# A refusal costs nothing; for an answer that came too late the far side has worked, or works on still, in vain.
_DECREASE_IF_LATE: Final = 0.4
# A single URL that always breaks is no overload; a twentieth of a round trip's requests is.
_OVERLOADED_SHARE: Final = 0.05
_OVERLOADED_AT_LEAST: Final = 2
# Now and then a model hangs over one image; a host that works on too many keeps all that wait behind them waiting too long.
_LATE_SHARE: Final = 0.125
# Lognormal latencies vary; the mean of a round doubles only where requests queue.
_QUEUEING_FROM: Final = 2.0
# Shares of the time after which an answer is no longer waited for.
_SOON: Final = 1 / 8
_LATE: Final = 1 / 2
# A fall that single broken URLs have caused is made good in seconds, not minutes: after some rounds without one the steps double.
_SMALL_STEPS: Final = 3
_LARGEST_STEP: Final = 0.1
_FORGETTING: Final = 0.002
_DOUBTING: Final = 0.1


class InFlightLimit(Protocol):
    """A bound on the requests in flight of one lane."""

    def allowed(self) -> int:
        """Return how many may be in flight now, at least 1."""
        ...

    def learn(self, feedback: Feedback, in_flight: int) -> None:
        """Take in what one finished request said; `in_flight` counts it still."""
        ...

    def rises_in_s(self, now: float) -> float | None:
        """Return after how many seconds more may be in flight though nothing is answered: 0 now, None without an answer never."""
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

    def rises_in_s(self, now: float) -> float | None:  # noqa: ARG002 - whenever it is asked
        """Return that it never does."""
        return None


class AdaptiveLimit:
    """Additive increase, multiplicative decrease, after a start that doubles; the steps grow while nothing is wrong.

    Learns in rounds of as many answers as may be in flight, which is about a round trip. Overload ends a round at once and cuts
    the limit; the answers of the round after it only drain, for they were asked before the cut. Latency that has doubled against
    the best rounds means that requests queue at the far side: the limit goes back to where they would not, but never below its
    start.

    Where an answer takes seconds, as a model's, doubling by answers alone leaves a window half empty for several of them. With
    `doubles_after_s` it takes the first answer, from then on the limit doubles after so many seconds, too, until the first
    overload: a refusal comes at once. `start` says how many may ask before anything is known.

    A model that works on many requests at once takes longer for each, and does more: that its latency has doubled says little.
    One that works on one at a time refuses nothing, it takes ever longer. With `timeout_s`, after which nobody waits for an
    answer any longer, latency counts as queueing only where answers take a good part of that time; the limit may fall to 1 then,
    does not double in time, and does not rise by answers that took half of it once some came too late.
    Invariants: 1 <= allowed() <= most; it grows only while the lane uses all that is allowed.
    """

    def __init__(
        self, most: int, *, start: int = _START, doubles_after_s: float | None = None, timeout_s: float | None = None
    ) -> None:
        """Start low, and allow `most` at the most."""
        self._most = most
        self._answers_soon = False
        self._soon_s = _SOON * timeout_s if timeout_s is not None else math.inf
        self._late_s = _LATE * timeout_s if timeout_s is not None else math.inf
        self._doubles_after_s = doubles_after_s
        self._doubles_at_s: float | None = None
        self._limit = float(min(start, most))
        self._start = float(min(_START, most))
        self._queueing_from_s = 0.0 if timeout_s is None else self._soon_s
        self._queueing_floor = self._start if timeout_s is None else 1.0
        self._breaking_floor = self._start / 2 if timeout_s is None else 1.0
        self._doubling = True
        self._queueing = False
        self._best_latency_s: float | None = None
        self._drain = self._good_rounds = 0
        self._begin_round()

    def allowed(self) -> int:
        """Return how many may be in flight now."""
        return int(self._limit)

    def learn(self, feedback: Feedback, in_flight: int) -> None:
        """Fall on overload or queueing; rise on success, if the lane was full."""
        if self._drain:
            self._drain -= 1
            return
        if feedback.overloaded:
            self._overloads += 1
            share, factor = (_LATE_SHARE, _DECREASE_IF_LATE) if feedback.timed_out else (_OVERLOADED_SHARE, _DECREASE)
            if self._overloads >= max(_OVERLOADED_AT_LEAST, share * self._limit):
                # What breaks may be single URLs: only a host that says so itself is left with one request at a time.
                self._fall(factor, floor=1.0 if feedback.refused else self._breaking_floor)
                self._drain = max(0, in_flight - 1)
        if feedback.latency_s is not None and not feedback.overloaded:
            self._answers_soon = feedback.latency_s <= self._soon_s
            self._latency_sum_s += feedback.latency_s
            self._answers += 1
            if in_flight >= self.allowed() and not self._queueing and (self._doubling or feedback.latency_s <= self._late_s):
                self._limit = min(float(self._most), self._limit + (1.0 if self._doubling else self._step() / self._limit))
        self._round_left -= 1
        if self._round_left <= 0:
            self._judge_round()

    def rises_in_s(self, now: float) -> float | None:
        """Return after how many seconds it doubles; to be asked while all that is allowed is in flight."""
        may_rise = self._answers_soon and self._doubling and not self._overloads and self._limit < self._most
        if self._doubles_after_s is None or not may_rise:
            return None
        if self._doubles_at_s is None:
            self._doubles_at_s = now + self._doubles_after_s
        if now < self._doubles_at_s:
            return self._doubles_at_s - now
        self._doubles_at_s = now + self._doubles_after_s
        self._limit = min(float(self._most), 2 * self._limit)
        return 0.0

    def _step(self) -> float:
        """Return by how much a full round raises the limit."""
        return max(1.0, min(2.0 ** min(self._good_rounds - _SMALL_STEPS, 20), _LARGEST_STEP * self._limit))

    def _judge_round(self) -> None:
        self._good_rounds += 1
        if self._answers >= _START // 2:
            mean_s = self._latency_sum_s / self._answers
            best_s = min(mean_s, mean_s if self._best_latency_s is None else self._best_latency_s)
            # So few requests as at the start hardly queue: if they seem to, the host has become slower for a reason of its own.
            rate = _DOUBTING if self._limit <= self._start else _FORGETTING
            self._best_latency_s = best_s + rate * (mean_s - best_s)
            self._queueing = mean_s > max(_QUEUEING_FROM * best_s, self._queueing_from_s)
            if self._queueing:
                self._fall(max(_DECREASE, _QUEUEING_FROM * best_s / mean_s), floor=self._queueing_floor)
        self._begin_round()

    def _fall(self, factor: float, floor: float) -> None:
        self._doubling = False
        self._good_rounds = 0
        self._limit = max(1.0, min(floor, self._limit), self._limit * factor)
        self._begin_round()

    def _begin_round(self) -> None:
        self._round_left = max(_START, self.allowed())
        self._overloads = self._answers = 0
        self._latency_sum_s = 0.0
