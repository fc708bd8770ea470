"""Answers of 200 whose values are none that a table can hold, or are said in another maker's words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picsum_vision.describing.batch_results import read_result
from picsum_vision.describing.chat_answer import ChatAnswer, read_answer, read_success
from picsum_vision.describing.tasks import Describe
from picsum_vision.describing.typed_answer import typed_answer

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


def completion(content: Any, finish_reason: Any = "stop", **more: Any) -> dict[str, Any]:
    """Give a chat completion's body."""
    return {"choices": [{"message": {"role": "assistant", "content": content}, "finish_reason": finish_reason}], **more}


def read(content: Any, finish_reason: Any = "stop", **more: Any) -> ChatAnswer:
    """Read such a body as it comes over the wire."""
    return read_answer(json.dumps(completion(content, finish_reason, **more)).encode())


def test_half_a_character_becomes_the_mark_for_none() -> None:
    r"""A lone \ud83d, which models that are cut in the middle of an emoji write, is U+FFFD; a whole pair is the emoji."""
    assert read("a \ud83d").text == "a \ufffd"
    assert read([{"type": "text", "text": "\ud83d"}, {"type": "text", "text": "\ude00"}]).text == "\U0001f600"


@given(content=ANY_JSON, reason=ANY_JSON, used=ANY_JSON, refusal=ANY_JSON)
def test_whatever_is_answered_fits_into_a_table(content: Any, reason: Any, used: Any, refusal: Any) -> None:
    """Text and finish reason are texts that UTF-8 holds, or nothing; counts are of 64 bits, or nothing."""
    told = completion(content, reason, usage={"prompt_tokens": used, "completion_tokens": used})
    told["choices"][0]["message"]["refusal"] = refusal
    body = json.dumps(told)
    line = json.dumps({"custom_id": "a", "response": {"status_code": 200, "body": told}})
    for answer in (read_answer(body.encode()), read_result(line.encode()).answer):
        for text in (answer.text, answer.finish_reason):
            assert text is None or text.encode() is not None
        for count in (answer.input_tokens, answer.output_tokens):
            assert count is None or 0 <= count < 1 << 63


@pytest.mark.parametrize("reason", [0, {"type": "stop"}, ["stop"], True])
def test_a_finish_reason_that_is_no_word_is_none(reason: Any) -> None:
    """What is no text is no reason, and the answer counts."""
    answer = read("un gatto", reason)
    assert (answer.status.value, answer.finish_reason) == ("ok", None)


def test_counts_that_no_column_holds_are_not_known() -> None:
    """A token count beyond 64 bits is left out, as one that is not there."""
    answer = read("un gatto", usage={"prompt_tokens": 1 << 63, "completion_tokens": 7})
    assert (answer.input_tokens, answer.output_tokens) == (None, 7)


def test_json_too_deep_to_read_is_no_completion() -> None:
    """A body nested beyond what Python reads is told as any other that is no completion."""
    assert read_answer(b"[" * 200_000).status.value == "http_error"


@pytest.mark.parametrize("status", [10**20, True, -1, 200.0])
def test_a_batch_line_with_no_http_status_was_not_run(status: Any) -> None:
    """A number that is no HTTP status is none."""
    line = json.dumps({"custom_id": "a", "response": {"status_code": status, "body": "\ud83d"}})
    assert read_result(line.encode()).http_status is None


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("stop", "ok"),
        ("STOP", "ok"),
        ("end_turn", "ok"),
        *((word, "cut_off") for word in ("length", "LENGTH", "max_tokens", "MAX_TOKENS", "model_length")),
        *((word, "refused") for word in ("content_filter", "content_filtered", "SAFETY", "RECITATION", "BLOCKLIST", "refusal")),
        *((word, "refused") for word in ("PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "guardrail_intervened", "sensitive")),
    ],
)
def test_each_makers_finish_reasons_are_understood(reason: str, status: str) -> None:
    """Cut off and filtered answers are known by whatever word the maker has for them, in a batch as well."""
    told = completion("un gatto", reason)
    line = json.dumps({"custom_id": "a", "response": {"status_code": 200, "body": told}})
    for answer in (read_answer(json.dumps(told).encode()), read_result(line.encode()).answer):
        assert (answer.status.value, answer.finish_reason) == (status, reason)


@pytest.mark.parametrize("content", ["", " ", None, "<think>Let me see"])
def test_a_cut_answer_without_text_is_null(content: Any) -> None:
    """A description that was cut off before its first word is no empty text."""
    answer, value = typed_answer(read(content, "length"), Describe())
    assert (answer.status.value, value) == ("cut_off", None)


def test_parts_without_text_and_thoughts_are_no_text() -> None:
    """A part whose text is null adds nothing, and what a model thinks first is not its answer."""
    assert read([{"type": "text", "text": None}, {"type": "text", "text": "un gatto"}, {"type": "x"}]).text == "un gatto"
    assert read("<think>Is it a dog?</think>\nun gatto").text == "un gatto"
    assert read("<think>Is it a dog?</think>").status.value == "empty_answer"


def test_an_answer_that_was_broken_off_is_no_answer() -> None:
    """A provider that fails while it writes leaves half a text with an error beside it; what was written is paid for."""
    told = completion("La foto mostra un", "error", usage={"prompt_tokens": 10, "completion_tokens": 4})
    told["choices"][0]["error"] = {"code": 502, "message": "Provider disconnected"}
    status, answer = read_success(200, json.dumps(told).encode())
    assert (status, answer.status.value, answer.message) == (200, "http_error", "Provider disconnected")
    assert (answer.input_tokens, answer.output_tokens, answer.text) == (10, 4, None)
    del told["usage"]
    status, answer = read_success(200, json.dumps(told).encode())
    assert (status, answer.status.value) == (502, "http_error")
