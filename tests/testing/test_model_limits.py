"""The embedded model server's limits a minute."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_model_server import ENGLISH, ask, chat_body, client_of, picture

from picsum_vision.testing.common import TokenBucket
from picsum_vision.testing.model_server import ModelServer


@given(
    per_second=st.floats(0.02, 100),
    capacity=st.floats(1, 600),
    requests=st.lists(st.tuples(st.floats(0, 20), st.integers(1, 3)), max_size=80),
)
def test_no_window_admits_more_than_the_bucket_allows(
    per_second: float, capacity: float, requests: list[tuple[float, int]]
) -> None:
    """In no stretch of time may more be taken than the bucket holds plus what flows in meanwhile."""
    bucket, now_s, taken = TokenBucket(per_second, capacity), 0.0, []
    for pause_s, amount in requests:
        now_s += pause_s
        if bucket.take(now_s, amount) == 0:
            taken.append((now_s, amount))
    for first, (start_s, _) in enumerate(taken):
        total = 0
        for at_s, amount in taken[first:]:
            total += amount
            assert total <= capacity + per_second * (at_s - start_s) + 1e-6


@given(per_second=st.floats(0.02, 100), capacity=st.floats(1, 600), amount=st.floats(0.1, 5))
def test_who_waits_as_long_as_told_is_admitted(per_second: float, capacity: float, amount: float) -> None:
    """After the stated wait an amount that fits at all must be there, and before half of it not."""
    bucket = TokenBucket(per_second, capacity)
    amount = min(amount, capacity)
    bucket.take(0.0, capacity)
    wait_s = bucket.take(0.0, amount)
    assert bucket.take(wait_s / 2, amount) > 0
    assert bucket.take(wait_s, amount - 1e-9) == 0


def test_a_burst_is_admitted_up_to_the_limit_and_not_beyond() -> None:
    """Of many requests at once exactly the limit may be answered, the others must be refused and counted so."""
    with ModelServer(requests_per_minute=5) as server, ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: ask(server, chat_body("ping")), range(15)))
        stats = server.stats()
    admitted = [answer for answer in answers if answer.status_code == 200]
    # One more each 12 seconds flows in, should the machine be that slow.
    assert len(admitted) in (5, 6)
    assert stats["refused"] == stats["by_status"]["429"] == 15 - len(admitted)
    assert {answer.headers["x-ratelimit-limit-requests"] for answer in answers} == {"5"}


def test_the_headers_count_down() -> None:
    """Each answer must say what is left, and the refusal that nothing is and when to come again."""
    with ModelServer(requests_per_minute=2) as server:
        answers = [ask(server, chat_body("ping")) for _ in range(3)]
    assert [answer.headers["x-ratelimit-remaining-requests"] for answer in answers] == ["1", "0", "0"]
    assert answers[2].headers["x-ratelimit-reset-requests"].endswith("s")
    assert answers[2].json()["error"]["code"] == "rate_limit_exceeded"
    assert answers[2].json()["error"]["type"] == "requests"


def test_tokens_are_limited_as_they_are_billed() -> None:
    """The tokens of all answers must stay within the limit, and the refusal must name tokens."""
    with ModelServer(tokens_per_minute=1000) as server:
        answers = [ask(server, chat_body(ENGLISH, picture())) for _ in range(6)]
        stats = server.stats()
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert refused[0].json()["error"]["type"] == "tokens"
    assert stats["refused"] == len(refused)
    assert 0 < stats["tokens"]["total"] <= 1000 + 1000 / 60 * 10
    assert "x-ratelimit-remaining-tokens" in answers[0].headers


def test_a_request_over_the_whole_limit_is_told_so() -> None:
    """A request that can never fit must be refused as too large."""
    with ModelServer(tokens_per_minute=50) as server, pytest.raises(openai.RateLimitError, match="too large"):
        client_of(server).chat.completions.create(**chat_body(ENGLISH, picture()))


def test_a_short_burst_spreads_the_limit() -> None:
    """With one second's worth in the bucket only that many requests may be answered at once."""
    with ModelServer(requests_per_minute=60, limit_burst_s=1) as server, ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(lambda _: ask(server, chat_body("ping")).status_code, range(8)))
    assert statuses.count(200) < 8
    assert 200 in statuses


def test_a_refused_request_takes_nothing() -> None:
    """A request refused for its tokens must leave the requests' bucket as it was."""
    with ModelServer(requests_per_minute=100, tokens_per_minute=300, limit_burst_s=60) as server:
        before = ask(server, chat_body("ping")).headers["x-ratelimit-remaining-requests"]
        refused = ask(server, chat_body(ENGLISH, picture()))
        assert refused.status_code == 429
        assert int(refused.headers["x-ratelimit-remaining-requests"]) >= int(before)
