"""The adaptive limit finds what a host can take."""

from __future__ import annotations

import heapq
import random

from hypothesis import given
from hypothesis import strategies as st

from picsum_vision.concurrency.job import Feedback
from picsum_vision.concurrency.limits import AdaptiveLimit

feedbacks = st.builds(
    Feedback, overloaded=st.booleans(), refused=st.booleans(), latency_s=st.none() | st.floats(0.001, 10), pause_s=st.just(0.0)
)


@given(most=st.integers(1, 600), answers=st.lists(st.tuples(feedbacks, st.integers(1, 600)), max_size=300))
def test_always_between_one_and_the_most(most: int, answers: list[tuple[Feedback, int]]) -> None:
    """Whatever is answered, the limit stays between 1 and the most, and starts at 16 or less."""
    limit = AdaptiveLimit(most)
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
