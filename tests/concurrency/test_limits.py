"""The adaptive limit finds what a host can take."""

from __future__ import annotations

import heapq
import random
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picsum_vision.concurrency.job import Feedback
from picsum_vision.concurrency.limits import AdaptiveLimit

feedbacks = st.builds(
    Feedback,
    overloaded=st.booleans(),
    refused=st.booleans(),
    latency_s=st.none() | st.floats(0.001, 10),
    pause_s=st.just(0.0),
    timed_out=st.booleans(),
)
TIMEOUT_S = 120.0


@given(
    most=st.integers(1, 600),
    answers=st.lists(st.tuples(feedbacks, st.integers(1, 600)), max_size=300),
    timeout_s=st.none() | st.floats(0.1, 100),
)
def test_always_between_one_and_the_most(most: int, answers: list[tuple[Feedback, int]], timeout_s: float | None) -> None:
    """Whatever is answered, the limit stays between 1 and the most, and starts at 16 or less."""
    limit = AdaptiveLimit(most, timeout_s=timeout_s)
    assert limit.allowed() == min(16, most)
    for feedback, in_flight in answers:
        limit.learn(feedback, in_flight)
        assert 1 <= limit.allowed() <= most


def ask(limit: AdaptiveLimit, number: int, servers: int, service_s: float, *, refuses_above: int | None = None) -> int:
    """Ask a host with `servers` servers `number` times, as many at once as allowed; returns the limit's mean at the end."""
    rng, now, free, flying, late = random.Random(1), 0.0, [0.0] * servers, [], []
    while number:
        while len(flying) < limit.allowed():
            refused = refuses_above is not None and len(flying) >= refuses_above
            begins = now if refused else max(now, heapq.heappop(free))
            ends = begins + (0.01 if refused else rng.lognormvariate(0, 0.5) * service_s / 1.13)
            if not refused:
                heapq.heappush(free, ends)
            heapq.heappush(flying, (ends, now, refused, number))
            number -= 1
            if not number:
                break
        in_flight = len(flying)
        now, sent, refused, _ = heapq.heappop(flying)
        limit.learn(Feedback(overloaded=refused, refused=refused, latency_s=now - sent), in_flight)
        late = [*late[-999:], limit.allowed()]
    return round(sum(late) / len(late))


def test_a_wide_host_is_used_fully() -> None:
    """Where nothing queues, the limit reaches the most that is allowed."""
    assert ask(AdaptiveLimit(512), 8_000, 1_000, 0.25) >= 480


def test_a_narrow_host_is_not_flooded() -> None:
    """Where requests queue at a host with 32 servers, the limit stays at a small multiple of them instead of the most."""
    assert 24 <= ask(AdaptiveLimit(512), 20_000, 32, 0.05) <= 110


def test_where_answers_take_long_it_need_not_wait_for_them() -> None:
    """From the first answer on it doubles in time while all of it is in flight; without such a time only answers raise it."""
    limit = AdaptiveLimit(100, start=2, doubles_after_s=0.25)
    assert (limit.allowed(), limit.rises_in_s(0)) == (2, None)
    limit.learn(Feedback(latency_s=1), 1)
    seen = []
    for tenth in range(12):
        rises_in_s = limit.rises_in_s(tenth / 10)
        assert rises_in_s is None or 0 <= rises_in_s <= 0.25
        seen.append(limit.allowed())
    assert seen == [2, 2, 2, 4, 4, 4, 8, 8, 8, 16, 16, 16]
    assert AdaptiveLimit(100).rises_in_s(1_000) is None


def lost_rows(limit: AdaptiveLimit, rows: int, service_s: float, max_attempts: int = 5) -> int:
    """Ask a host that works on one request at a time, as they come, for 120 s at most; returns how many rows got no answer."""
    now, lost, flying, left = 0.0, 0, deque[tuple[float, int]](), [0] * rows
    while left or flying:
        for second in range(10):  # of those until something else happens
            while left and len(flying) < limit.allowed():
                flying.append((now, left.pop() + 1))
            if left:
                limit.rises_in_s(now + second)
        sent, attempts = flying[0]
        is_late = now + service_s > sent + TIMEOUT_S
        now = sent + TIMEOUT_S if is_late else now + service_s
        latency_s = None if is_late else now - sent
        limit.learn(Feedback(overloaded=is_late, timed_out=is_late, latency_s=latency_s), len(flying))
        flying.popleft()
        if is_late and attempts == max_attempts:
            lost += 1
        elif is_late:
            left.append(attempts)
    return lost


@pytest.mark.parametrize("service_s", [1, 3, 8, 20, 50])
def test_a_host_that_does_one_thing_at_a_time_loses_no_row(service_s: float) -> None:
    """Where answers come one after the other, so few are asked for at once that each row gets one, if at its fifth attempt."""
    limit = AdaptiveLimit(32, start=8, doubles_after_s=0.1, timeout_s=TIMEOUT_S)
    assert lost_rows(limit, 200, service_s) == 0
    assert limit.allowed() <= max(TIMEOUT_S / service_s, 1)


def ask_a_model(limit: AdaptiveLimit, rows: int, rng: random.Random, slowed_by: float) -> int:
    """Ask a model that works on all at once, as in one run; returns the limit's lowest once it was full.

    It takes a second in the mean for one alone, and `slowed_by` more for each other that it has begun with.
    """
    now, flying, lowest, most = 0.0, list[tuple[float, float]](), 64, 0
    while rows or flying:
        rises_in_s = None
        if rows and len(flying) >= limit.allowed():
            rises_in_s = limit.rises_in_s(now)
        while rows and len(flying) < limit.allowed():
            service_s = (1.0 + slowed_by * len(flying)) * rng.lognormvariate(0, 0.5) / 1.13
            heapq.heappush(flying, (now + service_s, now))
            rows -= 1
        if rises_in_s is not None and now + rises_in_s < flying[0][0]:
            now += max(rises_in_s, 1e-6)
            continue
        in_flight = len(flying)
        now, sent = heapq.heappop(flying)
        limit.learn(Feedback(latency_s=now - sent), in_flight)
        most = max(most, limit.allowed())
        lowest = min(lowest, limit.allowed()) if most == 64 else 64
    return min(lowest, most)


@pytest.mark.parametrize("slowed_by", [0.0, 0.1])
@pytest.mark.parametrize("start", [1, 4, 8, 16])
def test_a_model_that_takes_all_at_once_is_not_held_to_queue(start: int, slowed_by: float) -> None:
    """Answers of requests that were sent together come quickest first; that the later ones took longer is no queueing.

    One limit serves several runs of a process: each begins with a full window, and ends with the slowest answers.
    """
    for seed in range(100):
        rng = random.Random(seed)
        limit = AdaptiveLimit(64, start=start, doubles_after_s=0.05, timeout_s=TIMEOUT_S)
        lowest = [ask_a_model(limit, rows, rng, slowed_by) for rows in (500, 300, 100, 40, 500)]
        assert lowest == [64] * 5, seed


def test_where_answers_take_much_of_the_time_for_them_it_waits_for_them() -> None:
    """The limit does not double in time after an answer that took over an eighth of the time for one; after a quicker it does."""
    limit = AdaptiveLimit(100, start=2, doubles_after_s=0.1, timeout_s=8)
    limit.learn(Feedback(latency_s=1.1), 1)
    assert limit.rises_in_s(0) is None
    limit.learn(Feedback(latency_s=0.9), 1)
    assert limit.rises_in_s(0) == 0.1


@pytest.mark.parametrize(("latency_s", "least", "most"), [(3.0, 64, 64), (14.0, 64, 64), (30.0, 1, 8)])
def test_for_queueing_it_falls_only_where_answers_take_much_of_the_time(latency_s: float, least: int, most: int) -> None:
    """A model may take many times as long for each of many; one that takes a quarter of the time for an answer is asked less."""
    limit = AdaptiveLimit(64, start=4, timeout_s=TIMEOUT_S)
    for _ in range(2_000):
        limit.learn(Feedback(latency_s=1.0), limit.allowed())
    assert limit.allowed() == 64
    lowest = 64
    for _ in range(400):
        limit.learn(Feedback(latency_s=latency_s), limit.allowed())
        lowest = min(lowest, limit.allowed())
    assert least <= lowest <= most


def test_it_does_not_double_in_time_after_an_overload() -> None:
    """One refusal, and only answers raise the limit from then on."""
    limit = AdaptiveLimit(100, doubles_after_s=0.25)
    limit.learn(Feedback(latency_s=1), 1)
    assert limit.rises_in_s(0) == 0.25
    limit.learn(Feedback(overloaded=True, refused=True), 16)
    assert limit.rises_in_s(10) is None


def test_refusals_lower_it_and_it_comes_back() -> None:
    """Against a host that refuses above 40 in flight the limit settles around there."""
    assert 20 <= ask(AdaptiveLimit(512), 20_000, 1_000, 0.05, refuses_above=40) <= 60


def test_single_broken_requests_are_no_overload() -> None:
    """One request in fifty that breaks does not keep the limit down."""
    limit = AdaptiveLimit(64)
    for number in range(5_000):
        broken = number % 50 == 0
        limit.learn(Feedback(overloaded=broken, latency_s=None if broken else 0.2), limit.allowed())
    assert limit.allowed() == 64


def test_a_burst_of_refusals_is_one_event() -> None:
    """Refusals of requests that were all sent before the first fall lower the limit once."""
    limit = AdaptiveLimit(64)
    for _ in range(400):
        limit.learn(Feedback(latency_s=0.2), limit.allowed())
    assert limit.allowed() == 64
    for in_flight in range(64, 0, -1):
        limit.learn(Feedback(overloaded=True, refused=True), in_flight)
    assert limit.allowed() == 44
