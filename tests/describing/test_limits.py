"""What the whole job may use of an endpoint, and what it may cost."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from asking import ask, outcome, picture, statuses
from hypothesis import given
from hypothesis import strategies as st

from picsum_vision import ChatCompletions, DescribeOptions
from picsum_vision.describing.rate_headers import pause_after_answer_s
from picsum_vision.describing.spending import Spending, cost
from picsum_vision.describing.token_pace import TokenClock, TokenEstimate, TokenPace, request_pace
from picsum_vision.testing.model_server import Latency, ModelFault, ModelServer

MODEL = "test-vision"
PRICES: dict[str, Any] = {"input_price_per_million_tokens": 1_000.0, "output_price_per_million_tokens": 4_000.0}


def in_tasks(tasks: int, backend: ChatCompletions, images: list[bytes], **options: Any) -> tuple[list[str], float]:
    """Ask in several tasks at once, each with its share of the images and bounds; returns statuses and seconds."""
    parts = [images[number::tasks] for number in range(tasks)]
    began_s = time.monotonic()
    with ThreadPoolExecutor(tasks) as pool:
        jobs = list(pool.map(lambda part: ask(backend, part, shares=(1 / tasks, 1 / tasks), **options), parts))
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
    """The estimate starts with the worst case and comes to what the answers use, and the most that was seen is remembered."""
    estimate = TokenEstimate(512)
    assert estimate.total(1_000) == 1_512
    for _ in range(50):
        estimate.learn(1_000, 800, 100)
    estimate.learn(1_000, 1_100, 600)
    assert estimate.total(1_000) == pytest.approx(900, rel=0.1)
    assert estimate.most(1_000) == (1_100, 600)


@pytest.mark.parametrize("tasks", [1, 3])
def test_the_budget_is_never_exceeded(tasks: int) -> None:
    """Rows beyond max_cost_total get `budget` unasked; what the server billed is at most the budget, and near it."""
    images = [picture(number) for number in range(60)]
    budget = 20.0
    with ModelServer(latency=Latency(mean_s=0.05)) as server:
        backend = ChatCompletions(server.base_url, MODEL)
        found, _ = in_tasks(tasks, backend, images, max_cost_total=budget, max_output_tokens=100, **PRICES)
        stats = server.stats()
    billed = cost(DescribeOptions(**PRICES), stats["tokens"]["prompt"], stats["tokens"]["completion"]) or 0.0
    dearest = 1.0
    assert set(found) == {"ok", "budget"}
    assert stats["requests"] == found.count("ok")
    assert budget - tasks * dearest <= billed <= budget


def test_a_budget_holds_where_no_usage_is_told() -> None:
    """An endpoint that states no usage is counted with the most that a question may cost."""
    with ModelServer(quirks=["no_usage"]) as server:
        jobs = ask(
            ChatCompletions(server.base_url, MODEL),
            [picture(n) for n in range(40)],
            max_cost_total=10.0,
            max_output_tokens=100,
            **PRICES,
        )
        stats = server.stats()
    billed = cost(DescribeOptions(**PRICES), stats["tokens"]["prompt"], stats["tokens"]["completion"]) or 0.0
    assert set(statuses(jobs)) == {"ok", "budget"}
    assert 0 < billed <= 10.0
    assert all(outcome(job).input_tokens is None for job in jobs)


def test_a_refused_question_costs_nothing() -> None:
    """Errors give back what was set aside for them, so that a budget for all rows is enough when many are refused first."""
    faults = [ModelFault("server_error", times=1, share=0.5)]
    with ModelServer(faults=faults) as server:
        jobs = ask(
            ChatCompletions(server.base_url, MODEL),
            [picture(n) for n in range(12)],
            max_cost_total=10.0,
            max_output_tokens=100,
            **PRICES,
        )
    assert statuses(jobs) == ["ok"] * 12


@given(
    prices=st.lists(st.tuples(st.integers(1, 500), st.integers(0, 500)), min_size=1, max_size=60),
    budget=st.floats(0.0001, 0.01),
)
def test_spending_never_goes_over(prices: list[tuple[int, int]], budget: float) -> None:
    """What is spent is at most the budget whatever runs at once, and only a question that does not fit alone is refused."""
    options = DescribeOptions(max_cost_total=budget, input_price_per_million_tokens=1.0, output_price_per_million_tokens=2.0)

    async def run() -> float:
        spending, spent = Spending(options, 1.0), [0.0]

        async def question(most: int, unused: int) -> None:
            aside = await spending.set_aside(most, most)
            if aside is None:
                return
            await asyncio.sleep(0)
            real = aside * (1 - min(unused, most) / 1_000)
            spent[0] += real
            spending.settle(aside, real)

        await asyncio.gather(*(question(most, unused) for most, unused in prices))
        return spent[0]

    assert asyncio.run(run()) <= budget * (1 + 1e-6)


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
