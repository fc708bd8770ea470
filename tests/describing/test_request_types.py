"""What we send, checked by the types that the openai package carries of the published API description."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from asking import picture
from openai.types import batch_create_params
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from pydantic import TypeAdapter, ValidationError

from picsum_vision import (
    BatchChat,
    ChatCompletions,
    Classify,
    Describe,
    DescribeOptions,
    Extract,
    ListObjects,
    ReadText,
    Sentiment,
)
from picsum_vision.describing.batch_lines import LineSpool, Shard
from picsum_vision.describing.chat_request import Dialect, chat_request, encoded
from picsum_vision.describing.image_tokens import DEFAULT_RULE
from picsum_vision.describing.payload import Payload, make_payload
from picsum_vision.describing.tasks import Task
from picsum_vision.testing.model_server import ModelServer

CHAT: TypeAdapter[Any] = TypeAdapter(CompletionCreateParamsNonStreaming)
TASKS = (
    Describe(),
    Describe(language="en", prompt='What is this? "quoted" \\ and {braces}'),
    ListObjects(),
    Sentiment(language="de"),
    ReadText(),
    Classify(labels=("a", "b")),
    Extract("colour STRING COMMENT 'the main colour', people INT, sizes ARRAY<STRUCT<w: DOUBLE, h: DOUBLE>>"),
)
FIELDS = ("temperature", "response_format", "max_tokens")
DIALECTS = [frozenset(left_out) for size in range(4) for left_out in itertools.combinations(FIELDS, size)]
VALUES: dict[str, Any] = {
    "one image": picture(1),
    "two images": [picture(1), picture(2)],
    "an address": 'https://host/a"b\\c.jpg?x=1&y=è',
    "addresses": ["https://host/1.jpg", "https://host/2.jpg"],
}


def check_types(body: Mapping[str, Any]) -> None:
    """Raise unless the body is what the API takes, in depth and with no field that it does not know."""
    used_up(CHAT.validate_python(body))
    assert set(body) <= inherited(CompletionCreateParamsNonStreaming)


def inherited(kind: Any) -> set[str]:
    """Return all the fields of a TypedDict, also those of the ones that it extends."""
    return set(kind.__required_keys__ | kind.__optional_keys__)


def used_up(value: Any) -> None:
    """Go through everything, because an iterable is validated when it is gone through."""
    if isinstance(value, Mapping):
        for each in value.values():
            used_up(each)
    elif isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        for each in value:
            used_up(each)


def payload_of(value: Any) -> Payload:
    """Return the images as a request has them."""
    return make_payload(value, ChatCompletions("https://host", "m"), DescribeOptions(), DEFAULT_RULE)


@pytest.mark.parametrize("left_out", DIALECTS, ids=lambda words: "+".join(sorted(words)) or "everything")
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
@pytest.mark.parametrize("value", VALUES.values(), ids=list(VALUES))
def test_a_chat_request_is_what_the_api_takes(task: Task, left_out: frozenset[str], value: Any) -> None:
    """The body of every task, for every dialect and every kind of image, has the published types and no unknown field."""
    payload = payload_of(value)
    request = chat_request(len(payload.urls), task, "a-model", DescribeOptions(temperature=0.5), Dialect(set(left_out)))
    body = json.loads(encoded(request, payload.urls))
    check_types(body)
    sent = [part["image_url"]["url"] for part in body["messages"][0]["content"] if part["type"] == "image_url"]
    given = value if isinstance(value, list) else [value]
    assert len(sent) == len(given)
    assert all(
        url == each if isinstance(each, str) else url.startswith("data:image/") for url, each in zip(sent, given, strict=True)
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"messages": [{"role": "user", "content": [{"type": "image", "image_url": {"url": "x"}}]}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}]},
        {"max_tokens": "many"},
        {"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}},
    ],
)
def test_the_check_finds_what_is_wrong(wrong: dict[str, Any]) -> None:
    """A body that is wrong in depth does not pass: the check is one that can fail."""
    right = json.loads(encoded(chat_request(0, Describe(), "m", DescribeOptions(), Dialect()), []))
    check_types(right)
    with pytest.raises(ValidationError):
        check_types({**right, **wrong})


@pytest.mark.parametrize("left_out", DIALECTS, ids=lambda words: "+".join(sorted(words)) or "everything")
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_a_line_of_a_batch_is_what_the_api_takes(tmp_path: Path, task: Task, left_out: frozenset[str]) -> None:
    """Each line of a batch file has an id of at most 64 characters, method and address, and a body as a chat request has."""
    backend = BatchChat("https://host", "a-model")
    options = DescribeOptions(temperature=0.5)
    spool = LineSpool(tmp_path, backend, task, options)
    ids = [spool.add(payload_of(value), 10) for value in VALUES.values()]
    shard = Shard(list(spool.lines.values()))
    text = spool.write(shard, Dialect(set(left_out))).read_bytes()
    spool.close()
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["custom_id"] for line in lines] == ids
    for line, value, kept in zip(lines, VALUES.values(), shard.lines, strict=True):
        assert set(line) == {"custom_id", "method", "url", "body"}
        assert len(line["custom_id"]) <= 64
        assert (line["method"], line["url"]) == ("POST", "/v1/chat/completions")
        check_types(line["body"])
        payload = payload_of(value)
        wanted = encoded(chat_request(len(payload.urls), task, "a-model", options, Dialect(set(left_out))), payload.urls)
        assert line["body"] == json.loads(wanted)
        assert kept.line_bytes >= len(json.dumps(line, separators=(",", ":"), ensure_ascii=False).encode())


def test_a_batch_is_created_as_the_api_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """What creates a batch has the published types, and metadata within their published lengths."""
    from batching import ask_in_batches, backend

    from picsum_vision.describing.batch_api import BatchApi

    sent: list[Any] = []
    once = BatchApi._once

    async def watched(self: BatchApi, method: str, path: str, **what: Any) -> Any:
        sent.extend([what["json"]] if path == "/batches" and method == "POST" else [])
        return await once(self, method, path, **what)

    monkeypatch.setattr(BatchApi, "_once", watched)
    with ModelServer() as server:
        ask_in_batches(backend(server.base_url, job="j" * 512), [picture(1)])
    (body,) = sent
    TypeAdapter(batch_create_params.BatchCreateParams).validate_python(body)
    assert set(body) <= inherited(batch_create_params.BatchCreateParams)
    assert len(body["metadata"]) <= 16
    assert all(len(key) <= 64 and len(value) <= 512 for key, value in body["metadata"].items())
