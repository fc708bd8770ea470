"""Rates are kept, whether stated or learnt."""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picsum_vision.concurrency.job import Feedback
from picsum_vision.concurrency.lanes import LaneState
from picsum_vision.concurrency.limits import AdaptiveLimit
from picsum_vision.concurrency.pace import LearningPace, Pace, StatedPace
from picsum_vision.testing.image_server import RateLimit

ROUND_TRIP_S = 0.25
REFUSED_AFTER_S = 0.02
SPREAD = 0.5
IN_FLIGHT = 256


class LimitedJob:
    """Tasks with lanes of their own that ask one limited host, in simulated time."""

    def __init__(self, tasks: int, *, requests: int, per_second: float, rng: random.Random, broken_share: float = 0.0) -> None:
        """Give each task an equal part of the requests."""
        self.refused = 0
        self._lanes = [LaneState(AdaptiveLimit(IN_FLIGHT), LearningPace()) for _ in range(tasks)]
        self._left = [requests // tasks] * tasks
        self._bucket = RateLimit(requests_per_second=per_second).bucket()
        self._rng, self._broken_share = rng, broken_share
        self._number = itertools.count()
        self._events: list[tuple[float, int, int, Callable[[float], None] | None]] = []
        self._is_woken = [False] * tasks

    def run(self) -> float:
        """Return the seconds until the last answer."""
        for task in range(len(self._lanes)):
            self._later(0.3 * self._rng.random(), task, None)
        while self._events:
            now, _, task, change = heapq.heappop(self._events)
            if change is not None:
                change(now)
            self._fill(task, now)
        return now

    def _later(self, when: float, task: int, change: Callable[[float], None] | None) -> None:
        heapq.heappush(self._events, (when, next(self._number), task, change))

    def _fill(self, task: int, now: float) -> None:
        lane = self._lanes[task]
        while self._left[task] > 0 and lane.in_flight < lane.limit.allowed():
            wait_s = lane.wait_s(now)
            if wait_s > 0:
                if not self._is_woken[task]:
                    self._is_woken[task] = True
                    self._later(now + wait_s + 0.002 * self._rng.random(), task, lambda _: self._wake(task))
                return
            self._ask(task, now)

    def _wake(self, task: int) -> None:
        self._is_woken[task] = False

    def _ask(self, task: int, now: float) -> None:
        lane = self._lanes[task]
        assert lane.pace is not None
        lane.pace.start(now)
        lane.in_flight += 1
        self._left[task] -= 1
        asked_s = self._bucket.take(now)
        refused = asked_s > 0 or self._rng.random() < self._broken_share
        latency_s = REFUSED_AFTER_S if refused else ROUND_TRIP_S * math.exp(self._rng.gauss(-(SPREAD**2) / 2, SPREAD))
        told = Feedback(overloaded=refused, refused=refused, latency_s=latency_s, pause_s=float(math.ceil(asked_s)))
        self._later(now + latency_s, task, lambda then: self._answered(task, told, then))

    def _answered(self, task: int, told: Feedback, now: float) -> None:
        lane = self._lanes[task]
        lane.learn(told, now)
        lane.in_flight -= 1
        if told.refused:
            self.refused += 1
            self._later(now + max(told.pause_s, 0.5) + self._rng.random(), task, lambda _: self._again(task))

    def _again(self, task: int) -> None:
        self._left[task] += 1


@given(
    per_second=st.floats(0.5, 500),
    burst=st.floats(1, 20),
    gaps=st.lists(st.floats(0, 0.5), min_size=1, max_size=100),
)
def test_no_span_has_more_starts_than_allowed(per_second: float, burst: float, gaps: list[float]) -> None:
    """In any span of t seconds at most burst + per_second * t starts are granted."""
    pace, now, starts = Pace(per_second, burst), 0.0, []
    for gap in gaps:
        now += gap
        if pace.wait_s(now) == 0:
            pace.start(now)
            starts.append(now)
    for first, began in enumerate(starts):
        for last in range(first, len(starts)):
            assert last - first + 1 <= burst + per_second * (starts[last] - began) + 1e-6


@given(per_second=st.floats(1, 500), lateness=st.lists(st.floats(0, 0.01), min_size=50, max_size=100))
def test_late_timers_cost_no_rate(per_second: float, lateness: list[float]) -> None:
    """Timers that fire up to 10 ms late do not lower a stated rate."""
    pace, now = StatedPace(per_second), 0.0
    for late_s in lateness:
        now += pace.wait_s(now) + (late_s if pace.wait_s(now) else 0.0)
        pace.start(now)
    assert len(lateness) >= per_second * (now - 0.02) - 1e-6


@given(per_second=st.floats(0.2, 300), tasks=st.integers(1, 24), lateness_s=st.floats(0, 0.04))
def test_tasks_that_begin_together_start_no_more_than_one_alone(per_second: float, tasks: int, lateness_s: float) -> None:
    """Of a stated rate all tasks together never have more in the first t seconds than one would, and yet they use it up."""
    paces = [StatedPace(per_second, 1 / tasks) for _ in range(tasks)]
    for place, pace in enumerate(paces):
        pace.begin(place / tasks)
    events, starts, end_s = [(0.0, place) for place in range(tasks)], 0, 60 / per_second
    while events[0][0] < end_s:
        now, place = heapq.heappop(events)
        wait_s = paces[place].wait_s(now)
        if wait_s <= 1e-9:
            paces[place].start(now)
            starts += 1
            assert starts <= 2 + per_second * (now + 0.05) + 1e-6
            heapq.heappush(events, (now, place))
        else:
            heapq.heappush(events, (now + wait_s + lateness_s, place))
    assert starts >= 60 - tasks - 1


def requests_to_a_limited_host(limit: RateLimit, number: int, round_trip_s: float, in_flight: int) -> tuple[float, int]:
    """Let `in_flight` clients ask a host that answers after `round_trip_s`; returns the seconds and the refusals."""
    pace, bucket = LearningPace(), limit.bucket()
    now, accepted, refused = 0.0, 0, 0
    coming: list[tuple[float, Feedback]] = []
    while accepted < number:
        while coming and coming[0][0] <= now:
            pace.learn(coming.pop(0)[1], now)
        wait_s = pace.wait_s(now)
        if len(coming) < in_flight and wait_s == 0:
            pace.start(now)
            asked_s = bucket.take(now)
            refused += asked_s > 0
            accepted += asked_s == 0
            pause_s = float(-(-asked_s // 1))
            coming.append((now + round_trip_s, Feedback(refused=asked_s > 0, latency_s=round_trip_s, pause_s=pause_s)))
        else:
            next_s = coming[0][0] if coming else now + wait_s
            now = max(now + 1e-4, min(next_s, now + wait_s) if wait_s > 0 and len(coming) < in_flight else next_s)
    return now, refused


def test_a_limit_of_the_host_is_found() -> None:
    """Without any setting, 8,000 requests to a host that allows 200/s take at most 1.12 times the ideal and waste at most 6 %."""
    for round_trip_s, in_flight in ((0.002, 64), (0.25, 100), (0.25, 512)):
        seconds, refused = requests_to_a_limited_host(RateLimit(requests_per_second=200), 8_000, round_trip_s, in_flight)
        assert seconds <= 1.12 * (8_000 - 200) / 200, (round_trip_s, seconds)
        assert refused <= 0.06 * 8_000 + in_flight, (round_trip_s, refused)


def test_a_pause_holds_until_it_is_over() -> None:
    """After a refusal that asks for 7 s of silence nothing starts before 7 s are over."""
    pace = LearningPace()
    pace.start(0.0)
    pace.learn(Feedback(refused=True, pause_s=7.0, latency_s=0.1), 1.0)
    assert pace.wait_s(1.0) >= 7.0
    assert pace.wait_s(7.9) > 0
    assert pace.wait_s(8.1) == 0


def test_a_stated_rate_holds_before_anything_is_learnt() -> None:
    """The bound that a setting states is kept from the first request on."""
    pace, starts, now = LearningPace(10.0), 0, 0.0
    while now < 10:
        if pace.wait_s(now) == 0:
            pace.start(now)
            starts += 1
        now += 0.001
    assert 95 <= starts <= 103


@pytest.mark.parametrize("tasks", [1, 2, 4])
def test_tasks_that_know_nothing_of_one_another_share_a_limit(tasks: int) -> None:
    """One, two or four tasks come to 0.88 of what a host allows them together, and waste at most 3 % of their requests."""
    for seed in range(3):
        job = LimitedJob(tasks, requests=6_000, per_second=200, rng=random.Random(seed))
        seconds = job.run()
        assert 0.88 * seconds <= (6_000 - 200) / 200, (seed, seconds)
        assert job.refused <= 0.03 * (6_000 + job.refused), (seed, job.refused)


def test_a_few_broken_urls_are_no_limit() -> None:
    """Where one URL in a hundred is refused whatever the rate, a job of 5 s takes at most 12, not minutes."""
    for seed in range(4):
        job = LimitedJob(2, requests=6_000, per_second=100_000, rng=random.Random(seed), broken_share=0.008)
        assert job.run() <= 12.0
