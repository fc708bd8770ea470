"""Refusals as endpoints of several makers word them."""

from __future__ import annotations

import json

import pytest

from picsum_vision.describing.chat_answer import names_no_model, read_refusal

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
