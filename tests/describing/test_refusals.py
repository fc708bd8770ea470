"""Refusals as endpoints of several makers word them."""

from __future__ import annotations

import json

import pytest
from asking import ask, outcome, picture, statuses
from scripted_endpoint import ANSWER, scripted_endpoint

from picsum_vision.describing.chat_answer import names_no_model, read_refusal, remedy_of_all
from picsum_vision.describing.job_terms import JobTerms

# Who says it: HTTP status, what it sends, our word, whether it says that the model is not there.
REFUSALS = {
    "OpenAI, wrong key": (
        401,
        {"error": {"message": "Incorrect API key provided: sk-wrong.", "code": "invalid_api_key"}},
        "auth",
        False,
    ),
    "OpenAI, no such model": (
        404,
        {"error": {"message": "The model `x` does not exist or you do not have access to it.", "code": "model_not_found"}},
        "http_error",
        True,
    ),
    "LiteLLM without a database, wrong key": (
        400,
        {"error": {"message": "No connected db.", "type": "no_db_connection", "param": None, "code": "400"}},
        "auth",
        False,
    ),
    "LiteLLM, no such model": (
        400,
        {"error": {"message": "/chat/completions: Invalid model name passed in model=x.", "code": "400"}},
        "http_error",
        True,
    ),
    "LiteLLM, upstream is not there": (
        500,
        {"error": {"message": "litellm.InternalServerError: OpenAIException - Connection error.", "code": "500"}},
        "http_error",
        False,
    ),
    "Databricks, wrong token": (403, {"error_code": "403", "message": "Invalid access token."}, "auth", False),
    "Databricks, no such endpoint": (
        404,
        {"error_code": "ENDPOINT_NOT_FOUND", "message": "The given endpoint does not exist, please retry."},
        "http_error",
        True,
    ),
    "vLLM, no such model": (
        404,
        {"object": "error", "message": "The model `x` does not exist.", "type": "NotFoundError", "code": 404},
        "http_error",
        True,
    ),
    "Azure, filtered": (
        400,
        {"error": {"code": "content_filter", "message": "Filtered", "innererror": {"code": "ResponsibleAIPolicy"}}},
        "refused",
        False,
    ),
}


@pytest.mark.parametrize("maker", list(REFUSALS))
def test_each_makers_words_are_understood(maker: str) -> None:
    """A refusal becomes the right word whoever words it, and one of an unknown model is known as final."""
    http_status, told, status, is_final = REFUSALS[maker]
    body = json.dumps(told).encode()
    assert (read_refusal(http_status, body).status.value, names_no_model(body)) == (status, is_final)


@pytest.mark.parametrize(
    ("http_status", "told", "remedy"),
    [
        (401, {"error": {"message": "Unauthorized"}}, "key"),
        (400, {"error": {"message": "Missing API key"}}, "key"),
        (500, {"error": {"message": "Invalid model name passed in model=x."}}, "model's name"),
        (404, {"detail": "Not Found"}, "address"),
        (405, {"detail": "Method Not Allowed"}, "address"),
        (402, {"error": {"message": "Payment required"}}, "pay"),
        (429, {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}, "pay"),
        (404, {"error": {"message": "The image at this address was not found"}}, None),
        (400, {"error": {"message": "You uploaded an unsupported image."}}, None),
        (413, {"error": {"message": "Request body too large"}}, None),
        (403, {"error": {"message": "Your chosen model requires moderation and your input was flagged"}}, None),
        (400, {"error": {"message": "Filtered", "code": "content_filter"}}, None),
    ],
)
def test_what_every_row_would_meet(http_status: int, told: object, remedy: str | None) -> None:
    """Key, model, route and money are everybody's, with what helps; what is wrong with one image is its row's."""
    body = json.dumps(told).encode()
    found = remedy_of_all(http_status, read_refusal(http_status, body), body)
    assert found is None if remedy is None else remedy in str(found)


REFUSED = (401, {"error": {"message": "Incorrect API key provided"}})


def test_an_endpoint_that_refuses_is_asked_no_more() -> None:
    """After the first refusals the other rows have the same status and its cause, unasked; in a job two are enough."""
    for terms, at_most in ((JobTerms(), 8), (JobTerms(refusals=2, in_job=True), 8)):
        with scripted_endpoint([REFUSED]) as (backend, requests):
            jobs = ask(backend, [picture(number) for number in range(60)], terms=terms)
            one_by_one = len(requests)
            assert 2 <= one_by_one <= at_most
        assert statuses(jobs) == ["auth"] * 60
        unasked = [outcome(job) for job in jobs if not outcome(job).attempts]
        assert len(unasked) == 60 - one_by_one
        assert all("refuses every request with HTTP 401 (Incorrect API key provided)" in str(each.message) for each in unasked)


def test_refusals_among_answers_are_their_rows() -> None:
    """One refusal before the first answer, and a few after it, end nothing."""
    answers = [REFUSED, (200, ANSWER), *[REFUSED] * 9, (200, ANSWER), *[REFUSED] * 9, (200, ANSWER)]
    with scripted_endpoint(answers) as (backend, requests):
        jobs = ask(backend, [picture(number) for number in range(40)], max_in_flight_per_task=1)
    assert statuses(jobs).count("auth") == 19
    assert len(requests) == 40


def test_a_key_that_is_taken_back_is_noticed() -> None:
    """Ten refusals in a row after an answer are the endpoint's, too."""
    with scripted_endpoint([(200, ANSWER), REFUSED]) as (backend, requests):
        jobs = ask(backend, [picture(number) for number in range(40)], max_in_flight_per_task=1)
    assert statuses(jobs) == ["ok"] + ["auth"] * 39
    assert len(requests) == 11
