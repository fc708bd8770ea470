"""Retries wait as long as they must and end when they should."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from picsum_vision.concurrency.retry import RetryPolicy


@given(
    most=st.integers(1, 10),
    bound_s=st.floats(0, 300),
    asked=st.lists(st.none() | st.floats(0, 100), min_size=10, max_size=10),
    seed=st.integers(),
)
def test_any_refusals(most: int, bound_s: float, asked: list[float | None], seed: int) -> None:
    """No wait is shorter than what was asked for, all waits together keep their bound, and the attempts theirs."""
    policy, rng, attempts, waited_s = RetryPolicy(max_attempts=most, max_wait_s=bound_s), random.Random(seed), 0, 0.0
    for asked_s in asked:
        attempts += 1
        delay_s = policy.delay_s(attempts=attempts, waited_s=waited_s, asked_s=asked_s, rng=rng)
        if delay_s is None:
            break
        assert delay_s >= (asked_s or 0.0)
        waited_s += delay_s
    assert attempts <= most
    assert waited_s <= bound_s


@given(attempts=st.integers(1, 20), seed=st.integers())
def test_full_jitter(attempts: int, seed: int) -> None:
    """Without a stated time the wait lies between nothing and twice the wait's ceiling before, at most 30 s."""
    policy = RetryPolicy(max_attempts=100, max_wait_s=1e9)
    delay_s = policy.delay_s(attempts=attempts, waited_s=0.0, asked_s=None, rng=random.Random(seed))
    assert delay_s is not None
    assert 0 <= delay_s <= min(30.0, 0.5 * 2 ** (attempts - 1))


def test_rows_refused_together_come_back_apart() -> None:
    """Of 100 rows that were asked to wait for the same time no two come back at once."""
    policy, rng = RetryPolicy(max_attempts=3, max_wait_s=120), random.Random(3)
    delays = {policy.delay_s(attempts=1, waited_s=0.0, asked_s=1.0, rng=rng) for _ in range(100)}
    assert len(delays) == 100


def test_a_longer_wait_than_allowed_gives_up_at_once() -> None:
    """A Retry-After beyond max_retry_wait_s ends the row without waiting."""
    policy = RetryPolicy(max_attempts=3, max_wait_s=120)
    assert policy.delay_s(attempts=1, waited_s=0.0, asked_s=3600.0, rng=random.Random(0)) is None
