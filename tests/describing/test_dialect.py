"""What an endpoint's refusals teach of the fields and the address that it takes."""

from __future__ import annotations

from typing import Any

import pytest
from asking import ask, picture, statuses
from scripted_endpoint import ANSWER, scripted_endpoint

from picsum_vision import ChatCompletions, ListObjects
from picsum_vision.describing.chat_request import Dialect

REQUEST = {"model": "m", "max_tokens": 512, "temperature": 0.2, "response_format": {}, "messages": []}
TYPED: dict[str, Any] = {
    "choices": [{"message": {"role": "assistant", "content": '{"objects": ["gatto"]}'}, "finish_reason": "stop"}]
}


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("response_format", "Failed to convert the grammar from JSON schema to xgrammar: unsupported feature"),
        ("response_format", "The provided JSON schema contains features not supported by xgrammar."),
        ("response_format", "Invalid JSON payload. Unknown name \"additionalProperties\" at 'generation_config.response_schema'"),
        ("response_format", "failed to parse grammar"),
        ("response_format", "guided_json is not supported by this engine"),
        ("response_format", "This model does not support response format `json_schema`."),
        ("max_tokens", "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."),
        ("temperature", "Unsupported value: 'temperature' does not support 0.2 with this model."),
    ],
)  # fmt: skip
def test_the_field_that_is_meant_is_left_out(field: str, words: str) -> None:
    """Whatever words a server has for it, the field that it does not take is the one that is left out."""
    dialect = Dialect()
    assert dialect.learn(REQUEST, words)
    assert dialect.left_out == {field}


@pytest.mark.parametrize(
    "words",
    [
        "max_tokens is too large: 100000. This model supports at most 16384 completion tokens, whereas you provided 100000.",
        "'max_tokens' or 'max_completion_tokens' is too large: 512. This model's maximum context length is 4096 tokens.",
        "max_tokens must be less than or equal to 256",
        "This model's maximum context length is 4096 tokens, however you requested 5000 (4488 in the messages, 512 max_tokens)",
        "No image given",
    ],
)
def test_a_number_that_is_too_large_is_no_unknown_field(words: str) -> None:
    """A refusal of how many tokens are wanted teaches nothing: without the field the answer might be as long as it likes."""
    dialect = Dialect()
    assert not dialect.learn(REQUEST, words)
    assert dialect.left_out == set()


@pytest.mark.parametrize("http_status", [400, 422, 500])
def test_a_server_that_cannot_follow_the_schema_is_asked_in_words(http_status: int) -> None:
    """A schema that the server's grammar cannot express goes into the prompt, and the row is answered."""
    refusal = {"error": {"message": "error parsing grammar: unexpected end of input", "code": http_status}}
    with scripted_endpoint([(http_status, refusal), (200, TYPED)]) as (backend, asked):
        (job,) = ask(backend, [picture(1)], ListObjects(), max_attempts=2)
    assert job.answer == ["gatto"]
    assert [("response_format" in request) for request in asked] == [True, False]


def test_an_address_that_has_answered_is_not_left() -> None:
    """A 404 after an answer is about something else than the address: the rows behind it are asked at the same one."""
    with scripted_endpoint([(200, ANSWER), (404, {"error": "no route just now"}), (200, ANSWER)]) as (versioned, asked):
        backend = ChatCompletions(versioned.base_url.removesuffix("/v1"), "test-vision")
        jobs = ask(backend, [picture(number) for number in range(3)], max_in_flight_per_task=1)
    assert statuses(jobs) == ["ok", "http_error", "ok"]
    assert {request["path"] for request in asked} == {"/v1/chat/completions"}


def test_a_server_that_ignores_the_schema_is_told_it_in_words() -> None:
    """An answer that does not follow the schema beside the prompt is kept, and paid for; the next prompt has it as well."""
    with scripted_endpoint([(200, ANSWER), (200, TYPED)]) as (backend, asked):
        jobs = ask(backend, [picture(number) for number in range(3)], ListObjects(), max_in_flight_per_task=1)
    assert statuses(jobs) == ["bad_schema", "ok", "ok"]
    assert all("response_format" in request for request in asked)
    prompts = [request["messages"][0]["content"][0]["text"] for request in asked]
    assert ['"properties"' in prompt for prompt in prompts] == [False, True, True]
