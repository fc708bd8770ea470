"""A bound on how often something may start: stated by a setting, or learnt from refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from picsum_vision.concurrency.job import Feedback

# The rate grows by a twentieth a second, by more the longer nothing was refused: who was cut too low, or whose neighbours have
# gone, comes back in seconds.
_GROWTH_PER_S: Final = 0.05
_GROWTH_OF_GROWTH: Final = 1.5
_GROWTH_AT_MOST: Final = 0.25
_LEAST_CUT: Final = 0.7
# What a silence has held up follows a quarter faster than the rate, up to two seconds' worth: the far side has kept count.
_CATCHING_UP: Final = 1.25
_CAUGHT_UP_S: Final = 2.0
_SHORTEST_SPAN_S: Final = 1.0
_SETTLING_S: Final = 0.5
_LEAST_OF_BEST: Final = 0.1
# From fewer answers no rate is taken; from fewer refusals no share.
_TELLING_ANSWERS: Final = 8
_TELLING_REFUSALS: Final = 4
# So many, or this share, are single URLs that the host cannot serve.
_TOLERATED: Final = 4
_TOLERATED_SHARE: Final = 0.03
_STILL: Final = 0.7
_CLEARLY_SLOWER: Final = 0.6
_VAIN_TRIES: Final = 3
_UNHEEDED_S: Final = 30.0
_LATENESS_S: Final = 0.05


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

    def give_back(self) -> None:
        """Take back the last start: nothing was asked after all."""
        self._next_at -= self._interval_s

    def learn(self, feedback: Feedback, now: float) -> bool:
        """Learn nothing, for the rate is a setting; returns whether refusals are seen to here."""
        del feedback, now
        return False


class StatedPace(Pace):
    """One task's share of a stated rate. It makes up for timers that fire up to 50 ms late; without that it would stay below.

    Invariant: of tasks that begin together, each with a share of 1/n and a turn of its own (0, 1/n, 2/n, ...), at most
    `2 + per_second * (t + 0.05)` starts are granted in the first t seconds, as to one task alone. For that the one start that a
    task may be ahead is shared like the rate, and a task begins when it is its turn.
    """

    def __init__(self, per_second: float, share: float = 1.0) -> None:
        """Grant `share` of `per_second` starts a second."""
        super().__init__(share * per_second, burst=1.0 + share + share * per_second * _LATENESS_S)
        self._turn: float | None = None

    def begin(self, turn: float) -> None:
        """Let a task begin: its first start is granted when this part of the time between two of its starts is over."""
        self._turn = turn

    def wait_s(self, now: float) -> float:
        """Return the seconds until a start would be granted; 0 if it would be now."""
        if self._turn is not None:
            self._next_at, self._turn = max(self._next_at, now + self._turn * self._interval_s), None
        return super().wait_s(now)


class LearningPace(Pace):
    """No bound until the far side refuses for being asked too often; then as often as it has accepted.

    The rate that is accepted between two refusals is what the far side allows, also if it lets bursts through. From there the
    rate grows until it is refused again; what a silence has held up is made up for. Refusals that name no time count only where
    they are more than single broken URLs would be. Where slowing down does not lower the share of refusals, they have another
    reason, and the bound is lifted for a while. `most_per_s` is a stated bound on top, of which the task has a `share`. A pause
    that the far side asked for holds here too, and with it for the tasks that follow in this process.
    """

    def __init__(self, most_per_s: float | None = None, share: float = 1.0) -> None:
        """Know nothing yet but the stated bound."""
        self._most = None if most_per_s is None else StatedPace(most_per_s, share)
        self.per_second: float | None = None
        self._next_at = self._last_at = float("-inf")
        self._not_before = 0.0
        self._settled_at = float("-inf")
        self._span_began_at: float | None = None
        self._accepted = self._refused = self._refused_since_settled = self._in_vain = 0
        self._best = self._refused_share = 0.0
        self._grown_at = self._cut_at = 0.0
        self._was_waited_for = False

    def begin(self, turn: float) -> None:
        """Let a task begin that has this turn among those that share the stated bound."""
        if self._most is not None:
            self._most.begin(turn)

    def wait_s(self, now: float) -> float:
        """Return the seconds until a start would be granted."""
        if self.per_second is None and self._most is None and now >= self._not_before:
            return 0.0
        wait_s = max(self._not_before - now, self._most.wait_s(now) if self._most is not None else 0.0)
        if self.per_second is not None:
            paced_s = max(self._next_at, self._last_at + 1.0 / (_CATCHING_UP * self.per_second)) - _LATENESS_S - now
            self._was_waited_for = self._was_waited_for or paced_s > 0
            wait_s = max(wait_s, paced_s)
        return max(0.0, wait_s)

    def start(self, now: float) -> None:
        """Count a start at `now`."""
        if self._most is not None:
            self._most.start(now)
        if self._span_began_at is None:
            self._span_began_at = now
        if self.per_second is None:
            return
        self._last_at = max(self._last_at + 1.0 / (_CATCHING_UP * self.per_second), now - _LATENESS_S)
        self._next_at = max(self._next_at, now - _CAUGHT_UP_S) + 1.0 / self.per_second
        if self._was_waited_for and now > self._grown_at:
            growth = min(_GROWTH_AT_MOST, _GROWTH_PER_S * (1.0 + _GROWTH_OF_GROWTH * max(0.0, now - self._cut_at)))
            self.per_second *= 1.0 + growth * min(1.0, now - self._grown_at)
        self._grown_at, self._was_waited_for = max(now, self._grown_at), False

    def give_back(self) -> None:
        """Take back the last start."""
        if self._most is not None:
            self._most.give_back()
        if self.per_second is not None:
            self._next_at -= 1.0 / self.per_second
            self._last_at -= 1.0 / (_CATCHING_UP * self.per_second)

    def learn(self, feedback: Feedback, now: float) -> bool:
        """Count what was accepted; at a refusal, take over the rate that was. Returns whether there is a rate."""
        if feedback.pause_s > 0:
            self._not_before = max(self._not_before, now + feedback.pause_s)
        if not feedback.refused:
            self._accepted += feedback.latency_s is not None
        else:
            self._refused += 1
            # Refusals of requests that were on their way already are the same event: they find `_settled_at` ahead.
            if now >= self._settled_at:
                self._refused_since_settled += 1
                if self._accepted >= _TELLING_ANSWERS and self._is_about_the_rate(feedback):
                    self._slow_down(feedback, now)
        return self.per_second is not None

    def _is_about_the_rate(self, feedback: Feedback) -> bool:
        """Return whether the host means how often it is asked: it says so, or refuses more than a broken URL now and then."""
        return feedback.pause_s > 0 or self._refused_since_settled > max(_TOLERATED, _TOLERATED_SHARE * self._accepted)

    def _slow_down(self, feedback: Feedback, now: float) -> None:
        began_at = now if self._span_began_at is None else self._span_began_at
        measured = self._accepted / max(_SHORTEST_SPAN_S, now - began_at)
        before, self._best = self.per_second, max(self._best, measured)
        settling_s = max(_SETTLING_S, feedback.pause_s + 0.1, 2 * (feedback.latency_s or 0.0))
        if self._is_in_vain():
            self.per_second, settling_s = None, _UNHEEDED_S
        elif before is None:
            self.per_second, self._next_at = measured, now
        else:
            slower = min(before, max(measured, _LEAST_CUT * before))
            self.per_second = max(slower, _LEAST_OF_BEST * self._best)
        self._span_began_at, self._accepted, self._refused, self._refused_since_settled = now, 0, 0, 0
        self._grown_at = self._cut_at = now + feedback.pause_s
        self._settled_at = now + settling_s

    def _is_in_vain(self) -> bool:
        """Return whether slowing down has changed nothing, several times: then the refusals are about single URLs."""
        share, before = self._refused / (self._accepted + self._refused), self._refused_share
        self._refused_share = share
        is_slow = self.per_second is not None and self.per_second < _CLEARLY_SLOWER * self._best
        in_vain = is_slow and self._refused >= _TELLING_REFUSALS and share > _STILL * before
        self._in_vain = self._in_vain + 1 if in_vain else 0
        if self._in_vain < _VAIN_TRIES:
            return False
        self._in_vain = 0
        return True
