"""What `elapsed_ms` of a question holds: the picture made fit and the answer, not the wait for the question's turn."""

from __future__ import annotations

import time
from typing import Any

import pytest
from asking import ask, outcome, picture, statuses

from picsum_vision import ChatCompletions
from picsum_vision.testing.model_server import Latency, ModelFault, ModelServer

MODEL = "test-vision"
ROWS = 20


@pytest.mark.parametrize(
    ("mean_s", "options"),
    [(0.05, {"max_in_flight_per_task": 1}), (0.0, {"requests_per_minute_total": 1_200})],
    ids=["a window of one", "a stated rate"],
)
def test_a_row_does_not_count_the_queue_before_its_question(mean_s: float, options: dict[str, Any]) -> None:
    """Of rows asked one after the other none has taken half of the whole, as the last one would with its queue."""
    with ModelServer(latency=Latency(mean_s=mean_s, sigma=0)) as server:
        began_s = time.monotonic()
        jobs = ask(ChatCompletions(server.base_url, MODEL), [picture(number) for number in range(ROWS)], **options)
        whole_ms = 1_000 * (time.monotonic() - began_s)
    assert statuses(jobs) == ["ok"] * ROWS
    took = [outcome(job).elapsed_ms for job in jobs]
    assert max(took) < whole_ms / 2
    assert sum(took) < 2 * whole_ms  # what is prepared while another's answer comes is counted with both
    assert min(took) >= 1_000 * mean_s


def test_a_row_that_was_never_asked_about_has_not_counted_the_queue_either() -> None:
    """Rows that come too late for the budget have waited in the window as the others have; that is no part of theirs."""
    prices = {"input_price_per_million_tokens": 1_000.0, "output_price_per_million_tokens": 4_000.0}
    limits = {"max_in_flight_per_task": 1, "max_cost_total": 10.0, "max_output_tokens": 100}
    with ModelServer(latency=Latency(mean_s=0.05, sigma=0)) as server:
        began_s = time.monotonic()
        jobs = ask(ChatCompletions(server.base_url, MODEL), [picture(number) for number in range(2 * ROWS)], **prices, **limits)
        whole_ms = 1_000 * (time.monotonic() - began_s)
    unasked = [outcome(job) for job in jobs if outcome(job).status.value == "budget"]
    assert 0 < len(unasked) < 2 * ROWS
    assert max(each.elapsed_ms for each in unasked) < whole_ms / 2


def test_a_row_counts_the_waits_between_its_attempts() -> None:
    """A wait that the endpoint has asked for after the first question belongs to the row."""
    with ModelServer(faults=[ModelFault("rate_limited", times=1, retry_after_s=1.0)]) as server:
        (job,) = ask(ChatCompletions(server.base_url, MODEL), [picture(1)])
    assert (outcome(job).status.value, outcome(job).attempts) == ("ok", 2)
    assert outcome(job).elapsed_ms >= 1_000
