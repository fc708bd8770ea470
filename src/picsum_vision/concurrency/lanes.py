"""The scheduler's books: what waits in a lane, and which lane of a pool is next."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from typing import Final, Protocol

from picsum_vision.concurrency.job import Feedback, Job, Lane
from picsum_vision.concurrency.limits import InFlightLimit
from picsum_vision.concurrency.pace import Pace

_OVERTAKEN_AT_MOST: Final = 64


class Gate(Protocol):
    """What else must be free before a step may start, as bytes of memory."""

    def admits(self, job: Job) -> bool:
        """Return whether a step of `job` may start now."""
        ...

    def has_exception(self) -> bool:
        """Return whether some job may pass while others may not."""
        ...

    def begin(self, job: Job) -> None:
        """Count a step of `job` as begun."""
        ...

    def end(self, job: Job) -> None:
        """Count it as over."""
        ...


class LaneState:
    """One lane's queue, limit, pace and pause, for one run; `limit` and `pace` may live longer."""

    __slots__ = ("in_flight", "limit", "not_before", "pace", "queue", "rank", "ranked_as", "timer")

    def __init__(self, limit: InFlightLimit, pace: Pace | None = None) -> None:
        """Start empty."""
        self.limit = limit
        self.pace = pace
        self.in_flight = 0
        self.not_before = 0.0
        self.queue: list[tuple[int, Job]] = []  # a heap by the order of submission
        self.rank: tuple[bool, int] | None = None  # what the lane was ranked by, None while it is not
        self.ranked_as = 0  # its entry among the pool's ranks
        self.timer: asyncio.TimerHandle | None = None

    def wait_s(self, now: float) -> float | None:
        """Return the seconds for which nothing may start here; None where it takes an answer first."""
        if self.in_flight >= self.limit.allowed():
            rises_in_s = self.limit.rises_in_s(now)
            if rises_in_s is None or rises_in_s > 0:
                return rises_in_s
        paced_s = 0.0 if self.pace is None else self.pace.wait_s(now)
        return paced_s if now >= self.not_before else max(self.not_before - now, paced_s)

    def learn(self, feedback: Feedback, now: float) -> None:
        """Take in what a finished step said; `in_flight` counts it still."""
        paced = self.pace is not None and self.pace.learn(feedback, now)
        # Where a rate is known, a refusal is about how often, not about how many at once.
        if paced and feedback.refused:
            feedback = feedback._replace(overloaded=False, latency_s=None)
        self.limit.learn(feedback, self.in_flight)
        if feedback.pause_s > 0:
            self.not_before = max(self.not_before, now + feedback.pause_s)

    def is_idle(self, now: float) -> bool:
        """Return whether nothing waits, runs or is silent here, so that another state would do as well."""
        return not (self.queue or self.in_flight or self.timer is not None or self.rank is not None or now < self.not_before)

    def take_out(self, is_meant: Callable[[Job], bool]) -> list[Job]:
        """Take those jobs out of the queue."""
        taken = [job for _, job in self.queue if is_meant(job)]
        if taken:
            self.queue = [entry for entry in self.queue if not is_meant(entry[1])]
            heapq.heapify(self.queue)
        return taken

    def forget_waiting(self) -> None:
        """Drop the queue and the timer."""
        self.queue.clear()
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class Pool:
    """Slots, and the lanes that have something to start in them, ranked by the steps that they have running.

    Once `is_ending`, lanes whose next job has further steps before it come first: what the job waits for at its very end is then
    a last step, not several one after the other.
    """

    __slots__ = ("_drawn", "_ranked", "_ranks", "gate", "in_flight", "is_ending", "slots")

    def __init__(self, slots: int, gate: Gate | None) -> None:
        """Start with all slots free."""
        self.slots = slots
        self.gate = gate
        self.in_flight = 0
        self.is_ending = False
        self._ranks: list[tuple[tuple[bool, int], int, Lane, LaneState]] = []
        self._ranked = 0  # lanes; each has one valid entry, and entries that a later one has overtaken
        self._drawn = 0

    def rank(self, lane: Lane, state: LaneState) -> None:
        """Rank the lane, or rank it anew with what it has running now; of equals, who came first is first."""
        turn = state.queue[0][1].turn if self.is_ending and state.queue else None
        rank = (turn is not None and not turn.opens, state.in_flight)
        if state.rank == rank:
            return
        self._ranked += state.rank is None
        self._drawn += 1
        state.rank, state.ranked_as = rank, self._drawn
        heapq.heappush(self._ranks, (rank, self._drawn, lane, state))
        if len(self._ranks) > 2 * self._ranked + _OVERTAKEN_AT_MOST:
            # While all slots are taken nothing is taken out, however often lanes are ranked anew.
            self._ranks = [entry for entry in self._ranks if _is_valid(entry)]
            heapq.heapify(self._ranks)

    def next_lane(self) -> Lane | None:
        """Take out the lane with the fewest steps running; entries that a later rank has overtaken are dropped."""
        while self._ranks:
            entry = heapq.heappop(self._ranks)
            if _is_valid(entry):
                _, _, lane, state = entry
                self.take_out(state)
                return lane
        return None

    def take_out(self, state: LaneState) -> None:
        """Let a ranked lane be ranked no more."""
        state.rank = None
        self._ranked -= 1

    def admits(self, state: LaneState) -> bool:
        """Return whether the gate lets the lane's next job begin."""
        return self.gate is None or self.gate.admits(state.queue[0][1])

    def urgent_lane(self) -> Lane | None:
        """Return the ranked lane whose next job the gate lets through while it refuses others."""
        if self.gate is None or not self.gate.has_exception():
            return None
        for entry in self._ranks:
            _, _, lane, state = entry
            if _is_valid(entry) and state.queue and self.gate.admits(state.queue[0][1]):
                return lane
        return None


def _is_valid(entry: tuple[tuple[bool, int], int, Lane, LaneState]) -> bool:
    _, drawn, _, state = entry
    return state.rank is not None and state.ranked_as == drawn
