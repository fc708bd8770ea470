"""The bounds of a whole job, divided among its tasks."""

from __future__ import annotations

import bisect
import math
from typing import Any

from asking import ask, fresh_loop, picture, statuses
from hypothesis import given
from hypothesis import strategies as st

from picsum_vision import ChatCompletions, Describe, DescribeOptions
from picsum_vision.describing.task_bounds import task_bounds
from picsum_vision.describing.token_pace import request_pace
from picsum_vision.testing.model_server import ModelFault, ModelServer

CHAT = ChatCompletions("https://host/v1", "gpt-4o")
PRICES: dict[str, Any] = {"input_price_per_million_tokens": 2.0, "output_price_per_million_tokens": 8.0}


def starts_in_a_minute(tasks: int, per_minute: int) -> int:
    """Return how many requests so many tasks start in the worst minute, each as often as its share allows."""
    starts: list[float] = []
    for _ in range(tasks):
        pace, now = request_pace(per_minute / tasks), 0.0
        while now < 200:
            wait_s = pace.wait_s(now)
            if wait_s > 0:
                now += wait_s + 1e-9
                continue
            pace.start(now)
            starts.append(now)
    starts.sort()
    return max(bisect.bisect_left(starts, begin + 60) - place for place, begin in enumerate(starts))


@given(per_minute=st.integers(1, 300), slots=st.integers(1, 64))
def test_the_sum_of_the_shares_is_kept_in_any_minute(per_minute: int, slots: int) -> None:
    """However small the bound and however many tasks run together, no minute has more requests, and nine tenths are used."""
    tasks = task_bounds(DescribeOptions(requests_per_minute_total=per_minute), CHAT, Describe()).fitted(slots, slots)
    found = starts_in_a_minute(tasks, per_minute)
    assert math.floor(0.9 * per_minute) <= found <= per_minute


@given(budget=st.floats(0.001, 100), tasks=st.integers(1, 1_000), slots=st.integers(1, 64))
def test_a_bound_on_the_cost_has_one_task(budget: float, tasks: int, slots: int) -> None:
    """However many tasks are wanted, one sees all that is under way."""
    assert task_bounds(DescribeOptions(max_cost_total=budget, **PRICES), CHAT, Describe()).fitted(tasks, slots) == 1


def test_few_tokens_a_minute_are_shared_by_few_tasks() -> None:
    """A share of the tokens has room for several questions a minute; what has no bound has no fewer tasks."""
    few = DescribeOptions(tokens_per_minute_total=30_000)
    assert task_bounds(few, CHAT, Describe()).fitted(64, 8) == 2
    assert task_bounds(DescribeOptions(), CHAT, Describe()).fitted(64, 8) == 64
    assert task_bounds(DescribeOptions(requests_per_minute_total=600), CHAT, Describe()).fitted(64, 8) == 64


def test_a_later_task_of_a_process_goes_on_at_its_pace() -> None:
    """Tasks that follow each other in a process do not each begin with a request before its time."""
    with ModelServer() as server, fresh_loop() as endpoint_loop:
        backend = ChatCompletions(server.base_url, "test-vision")
        for _ in range(2):
            ask(backend, [picture(1)], loop_thread=endpoint_loop, requests_per_minute_total=60)
        (pace,) = (kept for key, kept in endpoint_loop.kept.items() if isinstance(key, tuple) and key[0] == "stated pace")
        assert pace.wait_s(endpoint_loop.loop.time()) > 0


def test_rows_that_ask_nothing_use_nothing_of_the_pace() -> None:
    """Rows without room in the budget, or that meet a long silence, do not wait for the turns of a slow pace."""
    images = [picture(number) for number in range(30)]
    slow = {"requests_per_minute_total": 6, "tokens_per_minute_total": 1_000_000}
    with ModelServer() as server:
        backend = ChatCompletions(server.base_url, "test-vision")
        assert statuses(ask(backend, images, max_cost_total=1e-9, **slow, **PRICES)) == ["budget"] * 30
        assert server.stats()["requests"] == 0
    with ModelServer(faults=[ModelFault("rate_limited", retry_after_s=3_600.0)]) as server:
        backend = ChatCompletions(server.base_url, "test-vision")
        assert statuses(ask(backend, images, **slow)) == ["rate_limited"] * 30
        assert server.stats()["requests"] == 1
