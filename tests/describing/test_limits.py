"""What the whole job may use of an endpoint."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from asking import ask, picture, statuses
from hypothesis import given
from hypothesis import strategies as st

from picsum_vision import ChatCompletions
from picsum_vision.describing.rate_headers import pause_after_answer_s
from picsum_vision.describing.token_pace import TokenClock, TokenEstimate, TokenPace, request_pace
from picsum_vision.testing.model_server import Latency, ModelServer

MODEL = "test-vision"
PRICES: dict[str, Any] = {"input_price_per_million_tokens": 1_000.0, "output_price_per_million_tokens": 4_000.0}


def in_tasks(tasks: int, backend: ChatCompletions, images: list[bytes], **options: Any) -> tuple[list[str], float]:
    """Ask in several tasks at once, each with its share of the images and bounds; returns statuses and seconds."""
    parts = [images[number::tasks] for number in range(tasks)]
    began_s = time.monotonic()
    with ThreadPoolExecutor(tasks) as pool:
        jobs = list(pool.map(lambda part: ask(backend, part, share=1 / tasks, **options), parts))
    return [status for part in jobs for status in statuses(part)], time.monotonic() - began_s


@pytest.mark.parametrize("tasks", [1, 4])
def test_the_token_limit_is_kept_and_used(tasks: int) -> None:
    """With a limit of tokens for the whole job, one task or four, a server that grants exactly that refuses nearly nothing."""
    limit = 1_200_000
    with ModelServer(tokens_per_minute=limit, limit_burst_s=1, latency=Latency(mean_s=0.1)) as server:
        images = [picture(number) for number in range(160)]
        found, seconds = in_tasks(tasks, ChatCompletions(server.base_url, MODEL), images, tokens_per_minute_total=limit)
        stats = server.stats()
    assert found == ["ok"] * 160
    assert stats["refused"] <= 0.02 * 160
    # A bound of the server's own making: more than this it has not granted, whatever the clock of this machine.
    assert stats["tokens"]["total"] <= limit / 60 * (seconds + 1)


@pytest.mark.parametrize("tasks", [1, 4])
def test_the_request_limit_is_kept(tasks: int) -> None:
    """With a limit of requests for the whole job, a server that grants exactly that refuses nearly nothing."""
    with ModelServer(requests_per_minute=1_800, limit_burst_s=1, latency=Latency(mean_s=0.1)) as server:
        images = [picture(number) for number in range(90)]
        found, _ = in_tasks(tasks, ChatCompletions(server.base_url, MODEL), images, requests_per_minute_total=1_800)
        stats = server.stats()
    assert found == ["ok"] * 90
    assert stats["refused"] <= 2


def simulated(pace: TokenPace, estimate: float, actual: float, latency_s: float, seconds: float) -> list[float]:
    """Start questions as soon as they are granted, wiser from the first answer on; return the seconds at which each started."""
    now = 0.0
    starts: list[float] = []
    answers: list[tuple[float, float]] = []
    while now < seconds:
        while answers and answers[0][0] <= now:
            pace.correct(actual - answers.pop(0)[1])
            estimate = actual
        wait_s = pace.wait_s(now)
        if wait_s > 1e-9:
            now = min(now + wait_s, answers[0][0] if answers else float("inf"))
            continue
        pace.start(now)
        pace.begin(estimate)
        starts.append(now)
        answers.append((now + latency_s, estimate))
    return starts


@given(
    per_minute=st.integers(10_000, 10_000_000),
    estimate=st.floats(100, 2_000),
    ratio=st.floats(0.5, 1.5),
    latency_s=st.floats(0.01, 2),
)
def test_tokens_are_bounded_and_used(per_minute: int, estimate: float, ratio: float, latency_s: float) -> None:
    """Whatever the first estimates' error, at least 90 % and at most 101 % of the limit is used, the first questions apart."""
    actual = estimate * ratio
    pace = TokenPace(per_minute, 2 * estimate)
    seconds = 200 * 60 * actual / per_minute + 10 * latency_s
    starts = simulated(pace, estimate, actual, latency_s, seconds)
    allowed = per_minute / 60 * seconds
    lateness = 0.1 * per_minute / 60
    in_the_air = (latency_s * per_minute / 60 / estimate + 1) * abs(actual - estimate)
    assert len(starts) * actual <= 1.01 * allowed + lateness + 2 * max(actual, estimate) + in_the_air
    assert len(starts) * actual >= 0.9 * allowed - 3 * max(actual, estimate) - in_the_air


@given(per_minute=st.integers(60, 100_000), lateness=st.floats(0, 0.1))
def test_requests_are_bounded_in_any_minute_and_used(per_minute: int, lateness: float) -> None:
    """Timers that come late by up to a tenth of a second neither break the limit in any minute nor leave a tenth of it unused."""
    pace, now, starts = request_pace(per_minute), 0.0, []
    while now < 20:
        wait_s = pace.wait_s(now)
        if wait_s > 0:
            now += wait_s + lateness
            continue
        pace.start(now)
        starts.append(now)
    assert len(starts) <= per_minute * 20 / 60 * 1.01 + 2 + per_minute / 600
    assert len(starts) >= 0.9 * per_minute * 20 / 60 - 2


def test_estimates_learn_from_usage() -> None:
    """The estimate starts with the worst case and comes to what the answers use."""
    estimate = TokenEstimate(512)
    assert estimate.total(1_000) == 1_512
    for _ in range(50):
        estimate.learn(1_000, 800, 100)
    assert estimate.total(1_000) == pytest.approx(900, rel=0.1)


@pytest.mark.parametrize(
    ("headers", "pause_s"),
    [
        ({}, 0.0),
        ({"x-ratelimit-remaining-requests": "3", "x-ratelimit-limit-requests": "60", "x-ratelimit-reset-requests": "60s"}, 0.0),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-limit-requests": "60", "x-ratelimit-reset-requests": "60s"}, 1.0),
        ({"X-RateLimit-Remaining-Requests": "0", "X-RateLimit-Limit-Requests": "60", "X-RateLimit-Reset-Requests": "1m"}, 1.0),
        ({"x-ratelimit-remaining-requests": "none", "x-ratelimit-limit-requests": "60"}, 0.0),
    ],
)
def test_a_limit_that_is_used_up_is_seen_before_a_refusal(headers: dict[str, str], pause_s: float) -> None:
    """A good answer that says that nothing is left of a limit makes the next one wait for its part of it."""
    import datetime as dt

    assert pause_after_answer_s(headers, dt.datetime(2026, 11, 3, tzinfo=dt.timezone.utc)) == pytest.approx(pause_s)


def test_a_task_begins_with_what_the_one_before_it_owes() -> None:
    """Tasks of one row each, one after the other in a process, keep to the tokens a minute as one task would."""
    clock, waits = TokenClock(), []
    for _ in range(4):
        pace = TokenPace(6_000, 600, clock)
        waits.append(pace.wait_s(0.0))
        pace.start(0.0)
        pace.begin(600)
        pace.correct(100)
    assert waits == pytest.approx([0, 6.9, 13.9, 20.9], abs=0.2)
