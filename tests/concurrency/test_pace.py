"""Rates are kept, whether stated or learnt."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from picsum_vision.concurrency.job import Feedback
from picsum_vision.concurrency.pace import LearningPace, Pace, stated_pace
from picsum_vision.testing.host_limit import RateLimit, TokenBucket


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
    pace, now = stated_pace(per_second), 0.0
    for late_s in lateness:
        now += pace.wait_s(now) + (late_s if pace.wait_s(now) else 0.0)
        pace.start(now)
    assert len(lateness) >= per_second * (now - 0.02) - 1e-6


def requests_to_a_limited_host(limit: RateLimit, number: int, round_trip_s: float, in_flight: int) -> tuple[float, int]:
    """Let `in_flight` clients ask a host that answers after `round_trip_s`; returns the seconds and the refusals."""
    pace, bucket = LearningPace(), TokenBucket(limit)
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
    """Without any setting, 8,000 requests to a host that allows 200/s take at most 1.12 times the ideal and waste at most 3 %."""
    for round_trip_s, in_flight in ((0.002, 64), (0.25, 100), (0.25, 512)):
        seconds, refused = requests_to_a_limited_host(RateLimit(requests_per_second=200), 8_000, round_trip_s, in_flight)
        assert seconds <= 1.12 * (8_000 - 200) / 200, (round_trip_s, seconds)
        assert refused <= 0.03 * 8_000 + in_flight, (round_trip_s, refused)


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
