"""How often a model may be asked: so many requests and so many tokens a minute, this task's share of the whole job's."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Final

from picsum_vision.concurrency.pace import Pace

if TYPE_CHECKING:
    from picsum_vision.concurrency.job import Feedback

# A timer that fires late by less than this loses nothing; within any minute that is no more than the limit (see _rate).
_LATENESS_S: Final = 0.1
_MINUTE_S: Final = 60.0
_LEARNING: Final = 0.1
_ROUNDING: Final = 1e-6


def _rate(per_minute: float) -> float:
    """Return the units a second with which a minute, and the lateness that is made up for, hold `per_minute` of them."""
    return per_minute / (_MINUTE_S + _LATENESS_S)


def request_pace(per_minute: float) -> Pace:
    """Return a pace of so many requests in any minute.

    Of a part of a request none is made: each of the tasks that share a bound would begin with a whole one.
    """
    rate = _rate(math.floor(per_minute + _ROUNDING) if per_minute >= 1 else per_minute)
    return Pace(rate, burst=1.0 + rate * _LATENESS_S)


class TokenEstimate:
    """What a question will use, from what the ones before it used.

    Before the first answer the estimate is the worst case: the whole of max_output_tokens is written.
    """

    def __init__(self, max_output_tokens: int) -> None:
        """Know nothing yet."""
        self._input_ratio = 1.0
        self._output: float = max_output_tokens
        self._answers = 0

    def total(self, input_tokens: int) -> float:
        """Return the tokens that a question with this raw estimate of its input will probably use."""
        return input_tokens * self._input_ratio + self._output

    def learn(self, estimated_input: int, input_tokens: int, output_tokens: int) -> None:
        """Take in what an answer used."""
        self._answers += 1
        weight = max(_LEARNING, 1 / self._answers)
        ratio = input_tokens / max(1, estimated_input)
        self._input_ratio += weight * (ratio - self._input_ratio)
        self._output += weight * (output_tokens - self._output)


class TokenClock:
    """The moment until which a process's tokens are paid for: its next task begins with what the last one owes."""

    __slots__ = ("paid_until_s",)

    def __init__(self) -> None:
        """Owe nothing."""
        self.paid_until_s = float("-inf")


class TokenPace:
    """At most `per_minute` tokens a minute, as they turn out to be.

    A start is charged before its size is known (`start`), corrected when it is (`begin`) and again when the answer says what was
    really used (`correct`). Invariant: the tokens of all that has started are at most rate x time, plus one start and what the
    starts in the air were underestimated by. `clock` may be shared with the tasks before and after in the same process.
    """

    def __init__(self, per_minute: float, first_charge: float, clock: TokenClock | None = None) -> None:
        """Charge the first starts with `first_charge` tokens each."""
        self._rate = _rate(per_minute)
        self._charge = first_charge
        self._charged: deque[float] = deque()
        self._clock = TokenClock() if clock is None else clock

    def wait_s(self, now: float) -> float:
        """Return the seconds until a start would be granted."""
        return max(0.0, self._clock.paid_until_s - _LATENESS_S - now)

    def start(self, now: float) -> None:
        """Count a start at `now`."""
        self._clock.paid_until_s = max(self._clock.paid_until_s, now) + self._charge / self._rate
        self._charged.append(self._charge)

    def begin(self, tokens: float) -> None:
        """Say how much the start that has waited longest asks for; 0 if it asks nothing after all."""
        charged = self._charged.popleft() if self._charged else 0.0
        self.correct(tokens - charged)
        if tokens:
            self._charge = tokens

    def correct(self, tokens: float) -> None:
        """Add what was used beyond the estimate; negative: what was not used."""
        self._clock.paid_until_s += tokens / self._rate


class QuestionPace(Pace):
    """Both bounds at once; either may be missing."""

    def __init__(self, requests: Pace | None, tokens: TokenPace | None) -> None:
        """Keep both."""
        self._requests = requests
        self._tokens = tokens

    def wait_s(self, now: float) -> float:
        """Return the seconds until both would grant a start."""
        return max(bound.wait_s(now) if bound is not None else 0.0 for bound in (self._requests, self._tokens))

    def start(self, now: float) -> None:
        """Count a start at `now` with both."""
        for bound in (self._requests, self._tokens):
            if bound is not None:
                bound.start(now)

    def give_back(self) -> None:
        """Take back a request that was not made after all; its tokens are told to `begin`."""
        if self._requests is not None:
            self._requests.give_back()

    def learn(self, feedback: Feedback, now: float) -> bool:
        """Let the requests' bound learn; returns whether refusals are seen to there."""
        return self._requests is not None and self._requests.learn(feedback, now)
