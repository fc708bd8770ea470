"""A whole job in a mapping, as a TOML file gives it: every backend, task and place of a key."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

import picsum_vision as pv
from picsum_vision.config_file import BACKENDS, job_config

ENDPOINT: dict[str, Any] = {"base_url": "https://host/v1", "model": "m"}
CHAT: dict[str, Any] = {"kind": "chat", **ENDPOINT}


@pytest.mark.parametrize(
    ("values", "backend"),
    [
        ("pixels", pv.PixelDescriber()),
        ({"faces": True}, pv.PixelDescriber(faces=True)),
        (CHAT, pv.ChatCompletions("https://host/v1", "m")),
        ({**CHAT, "api_key_env": "A"}, pv.ChatCompletions("https://host/v1", "m", api_key=pv.Secret.env("A"))),
        ({**CHAT, "api_key_file": "/a"}, pv.ChatCompletions("https://host/v1", "m", api_key=pv.Secret.file("/a"))),
        (
            {**CHAT, "api_key_databricks": "s/k", "send": "bytes", "max_images_per_request": 5},
            pv.ChatCompletions("https://host/v1", "m", api_key=pv.Secret.databricks("s", "k"), max_images_per_request=5),
        ),
        (
            {"kind": "batch-chat", **ENDPOINT, "job": "nightly", "max_wait_s": 0, "state": "/Volumes/a/b/c", "price_factor": 0.4},
            pv.BatchChat("https://host/v1", "m", job="nightly", max_wait_s=0, state="/Volumes/a/b/c", price_factor=0.4),
        ),
        ("ai-query", pv.AiQuery()),
        ({"kind": "ai-query", "model": "e", "function": "mine"}, pv.AiQuery("e", function="mine")),
        (
            {"kind": "pyfunc", "model": "models:/m@a", "image_column": "i", "max_batch_images": 8, "max_batch_wait_ms": 5},
            pv.PyFunc("models:/m@a", image_column="i", max_batch_images=8, max_batch_wait_ms=5),
        ),
    ],
)
def test_every_backend_can_stand_in_a_file(values: Any, backend: Any) -> None:
    """A backend's table has the settings of the backend by their names, `model` for its model, and where its key is."""
    assert job_config({"backend": values}).backend == backend


def test_no_setting_of_a_backend_is_left_out() -> None:
    """Whatever a backend can be told in Python, a file can tell it by the same name."""
    backends: dict[str, Any] = {
        "pixels": pv.PixelDescriber(faces=True),
        "chat": pv.ChatCompletions("https://host/v1", "m", max_images_per_request=3),
        "batch-chat": pv.BatchChat("https://host/v1", "m", completion_window="1h", max_requests_per_file=7),
        "ai-query": pv.AiQuery("e"),
        "pyfunc": pv.PyFunc("models:/m", max_batch_bytes=9),
    }
    assert backends.keys() == set(BACKENDS)
    for kind, backend in backends.items():
        values = {field.name: getattr(backend, field.name) for field in dataclasses.fields(backend) if field.name != "api_key"}
        values["model"] = values.pop("endpoint", values.pop("model_uri", values.get("model")))
        assert job_config({"backend": {"kind": kind, **values}}).backend == backend


def test_extract_has_its_fields_as_ddl() -> None:
    """The task `extract` takes its schema as a text, language and prompt beside it."""
    schema = "label STRING COMMENT 'one word', people INT"
    task = {"kind": "extract", "schema": schema, "language": "en"}
    assert job_config({"task": task, "backend": CHAT}).task == pv.Extract(schema, language="en")


def test_headers_may_say_where_their_value_is() -> None:
    """A header's value is a text, or a table that says where it is read: from a variable, a file or a secret scope."""
    headers = {"Referer": "https://shop.example/", "A": {"env": "X"}, "B": {"file": "/x"}, "C": {"databricks": "s/k"}}
    assert job_config({"download": {"headers": headers, "max_attempts": 2}}).download == pv.DownloadOptions(
        headers={
            "Referer": "https://shop.example/",
            "A": pv.Secret.env("X"),
            "B": pv.Secret.file("/x"),
            "C": pv.Secret.databricks("s", "k"),
        },
        max_attempts=2,
    )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"backend": {"kind": "batchchat"}}, 'did you mean "batch-chat"'),
        ({"backend": {"kind": "batch-chat", "model": "m"}}, "backend.base_url: missing; the backend 'batch-chat' needs it"),
        ({"backend": {"kind": "pyfunc"}}, "backend.model: missing; the backend 'pyfunc' needs it (--model)"),
        (
            {"backend": {**CHAT, "poll_interval_s": 5}},
            "backend.poll_interval_s: not used by the backend 'chat', only by 'batch-chat'",
        ),
        (
            {"backend": {"kind": "batch-chat", **ENDPOINT, "max_wait": 5}},
            'backend.max_wait: no such setting (did you mean "max_wait_s"?)',
        ),
        ({"backend": {**CHAT, "api_key": "planted-key"}}, "backend.api_key: no such setting"),
        (
            {"backend": {**CHAT, "api_key_env": "A", "api_key_file": "/b"}},
            "backend.api_key_env, backend.api_key_file: more than one",
        ),
        (
            {"backend": {**CHAT, "api_key_databricks": "scope"}},
            "backend.api_key_databricks: 'scope' is not allowed; it must be scope/key",
        ),
        ({"backend": {**CHAT, "send": "url"}}, "send: 'url' is not allowed in a job, which describes the bytes"),
        ({"backend": {**CHAT, "kind": "batch-chat", "send": "url"}}, "send: 'url' is not allowed in a job"),
        ({"backend": {"faces": "yes"}}, "faces: 'yes' is not allowed; it must be true or false"),
        ({"task": "extract", "backend": CHAT}, "task.schema: the task 'extract' needs its fields as a text"),
        ({"task": {"kind": "extract", "schema": {"a": "INT"}}, "backend": CHAT}, "task.schema: the task 'extract' needs"),
        (
            {"task": {"kind": "classify", "schema": "a INT"}, "backend": CHAT},
            "schema: only for the task 'extract', not for 'classify'",
        ),
        ({"task": {"kind": "extract", "schema": "a INTT"}, "backend": CHAT}, "schema: "),
        ({"task": {"kind": "extract", "shema": "a INT"}}, 'task.shema: no such setting (did you mean "schema"?)'),
        ({"download": {"headers": ["A"]}}, "download.headers: it must be a table"),
        (
            {"download": {"headers": {"A": {"value": "planted-key"}}}},
            "download.headers.A: it must be a text, or a table with one of env",
        ),
        (
            {"download": {"headers": {"A": {"env": "X", "file": "planted-key"}}}},
            "download.headers.A: it must be a text, or a table",
        ),
        ({"download": {"headers": {"A": {"databricks": "k"}}}}, "download.headers.A: 'k' is not allowed; it must be scope/key"),
    ],
)
def test_what_a_file_cannot_say_is_one_line(settings: dict[str, Any], words: str) -> None:
    """A wrong key or value of the file is named in one line with what is allowed, and a value that may be a key is not shown."""
    with pytest.raises(pv.SettingError) as caught:
        job_config(settings)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "planted-key" not in str(caught.value)
