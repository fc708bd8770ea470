"""A limit that answers state is kept to before the first refusal."""

from __future__ import annotations

import heapq
import random

import pytest

from picsum_vision.concurrency.job import Feedback
from picsum_vision.concurrency.told_pace import ToldPace


def ask(tasks: int, share: float, *, per_second: float = 10.0, burst: float = 10.0, seconds: float = 60.0) -> tuple[int, int]:
    """Let tasks ask an endpoint that states its limit with each answer, a second later; returns the accepted and the refused."""
    rng, level, filled_s, now = random.Random(3), burst, 0.0, 0.0
    paces, flying, accepted, refused = [ToldPace(share) for _ in range(tasks)], [], 0, 0
    in_flight, window = [0] * tasks, [max(1, round(8 * share))] * tasks
    while now < seconds:
        for number, pace in enumerate(paces):
            # Before its first answer a task has no bound but the window's, which begins with a few.
            while pace.wait_s(now) <= 0 and in_flight[number] < window[number]:
                pace.start(now)
                level, filled_s = min(burst, level + (now - filled_s) * per_second), now
                is_refused = level < 1
                level -= 0 if is_refused else 1
                refused, accepted = refused + is_refused, accepted + (not is_refused)
                in_flight[number] += 1
                wait_s = 0.005 if is_refused else rng.lognormvariate(0, 0.5) / 1.13
                heapq.heappush(flying, (now + wait_s, rng.random(), number, is_refused))
        while flying and flying[0][0] <= now:
            ends_s, _, number, is_refused = heapq.heappop(flying)
            in_flight[number] -= 1
            window[number] = 32
            left = int(min(burst, level + (ends_s - filled_s) * per_second))
            told = Feedback(
                overloaded=is_refused, refused=is_refused, latency_s=0.5, pause_s=1.0 if is_refused else 0.0,
                told_per_s=per_second, told_left=left,
            )  # fmt: skip
            paces[number].learn(told, ends_s)
        now += 0.01
    return accepted, refused


@pytest.mark.parametrize("tasks", [1, 4, 16])
def test_a_stated_limit_is_used_and_not_run_into(tasks: int) -> None:
    """With its part of the tasks each, nine tenths of the limit are used, and at most one request in fifty is refused."""
    accepted, refused = ask(tasks, 1 / tasks)
    assert accepted >= 0.9 * 600
    assert refused <= 0.02 * accepted


def test_a_share_that_is_too_small_grows() -> None:
    """One task that has been given a fourth, as of slots that stay empty, comes to most of the limit by itself."""
    accepted, refused = ask(1, 1 / 4)
    assert accepted >= 0.8 * 600
    assert refused <= 0.02 * accepted


def test_without_a_statement_there_is_no_bound() -> None:
    """Who states nothing is asked as often as the window allows."""
    pace = ToldPace(0.1)
    for moment in range(1_000):
        assert pace.wait_s(moment / 1_000) == 0
        pace.start(moment / 1_000)
        assert not pace.learn(Feedback(latency_s=0.1), moment / 1_000)
