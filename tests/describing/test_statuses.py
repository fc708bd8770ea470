"""HTTP statuses that are not the usual ones, and errors that come inside of a 200."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from asking import ask, outcome, picture
from scripted_endpoint import ANSWER, scripted_endpoint

from picsum_vision.describing.batch_results import read_result
from picsum_vision.outcomes import DescribeOutcome

QUOTA = "You exceeded your current quota, please check your plan and billing details."


def one_row(answers: Sequence[tuple[int, Any]], **options: Any) -> tuple[DescribeOutcome, int]:
    """Ask such an endpoint about one picture; returns the outcome and how many requests there were."""
    with scripted_endpoint(answers) as (backend, asked):
        (job,) = ask(backend, [picture(1)], **{"max_attempts": 3, **options})
        return outcome(job), len(asked)


@pytest.mark.parametrize("status", [200, 201, 203, 207])
def test_any_success_is_one(status: int) -> None:
    """An answer with any status of 2xx is an answer, as some gateways send 201."""
    got, requests = one_row([(status, ANSWER)])
    assert (got.status.value, got.http_status, got.output_tokens, requests) == ("ok", status, 3, 1)
    line = {"custom_id": "a", "response": {"status_code": status, "body": ANSWER}}
    assert read_result(json.dumps(line).encode()).is_paid


@pytest.mark.parametrize(
    ("error", "status", "http_status", "requests"),
    [
        ({"code": 429, "message": "Rate limit exceeded"}, "rate_limited", 429, 3),
        ({"code": "502", "message": "Provider returned error"}, "http_error", 502, 3),
        ({"code": 403, "message": "Input flagged"}, "auth", 403, 1),
        ({"code": 400, "message": "Bad input"}, "http_error", 400, 1),
        ({"code": "rate_limit_exceeded", "message": "Slow down"}, "rate_limited", 429, 3),
        ({"type": "invalid_request_error", "message": "No image"}, "http_error", 400, 1),
        ({"message": "Upstream has gone"}, "http_error", 500, 3),
        ("overloaded", "http_error", 500, 3),
    ],
)
def test_an_error_in_a_200_is_the_refusal_that_it_names(error: Any, status: str, http_status: int, requests: int) -> None:
    """Gateways that have begun to answer with 200 say in the body what went wrong: nothing was paid, and it is tried again."""
    for told in ({"error": error}, {"choices": [{"error": error, "message": {"content": ""}, "finish_reason": "error"}]}):
        got, asked = one_row([(200, told)])
        assert (got.status.value, got.http_status, asked, got.input_tokens) == (status, http_status, requests, None)
        line = read_result(json.dumps({"custom_id": "a", "response": {"status_code": 200, "body": told}}).encode())
        assert (line.answer.status.value, line.http_status, line.is_paid) == (status, http_status, False)
        assert line.may_change == (requests > 1)


def test_an_error_in_a_200_costs_nothing() -> None:
    """A budget for one answer is enough after such an error."""
    prices = {"input_price_per_million_tokens": 1_000.0, "output_price_per_million_tokens": 1_000.0}
    got, requests = one_row([(200, {"error": {"code": 502}}), (200, ANSWER)], max_cost_total=1.0, max_output_tokens=100, **prices)
    assert (got.status.value, requests) == ("ok", 2)


def test_an_error_beside_an_answer_is_none() -> None:
    """An empty or left-over `error` beside an answer does not take it away."""
    for error in (None, {}, {"code": 500}):
        assert one_row([(200, {**ANSWER, "error": error})])[0].status.value == "ok"


@pytest.mark.parametrize("status", [520, 521, 522, 523, 524, 529])
def test_statuses_of_front_servers_can_change(status: int) -> None:
    """What Cloudflare says of the server behind it, and Anthropic of its load, is asked again."""
    got, requests = one_row([(status, {"error": {"message": "Overloaded"}})])
    assert (got.status.value, requests) == ("rate_limited" if status == 529 else "http_error", 3)
    assert one_row([(status, {}), (200, ANSWER)])[0].status.value == "ok"


@pytest.mark.parametrize(
    ("error", "requests"),
    [
        ({"message": QUOTA, "code": "insufficient_quota"}, 1),
        ({"message": "Your credit balance is too low to access the API."}, 1),
        ({"message": "Billing hard limit has been reached", "code": "billing_hard_limit_reached"}, 1),
        ({"message": f"{QUOTA} Please retry in 31.2s.", "status": "RESOURCE_EXHAUSTED"}, 2),
        ({"message": "Rate limit reached for requests"}, 2),
    ],
)
def test_an_account_without_money_is_not_asked_again(error: Any, requests: int) -> None:
    """A 429 that is about money is final; one that only speaks of a quota that comes back is not."""
    got, asked = one_row([(429, {"error": error})], max_attempts=2)
    assert (got.status.value, got.http_status, asked) == ("rate_limited", 429, requests)
