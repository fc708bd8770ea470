"""What a suite records of its settings, seen where two suites are compared."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from suites import suite

import picsum_vision as pv
from picsum_vision.options import DescribeOptions, DownloadOptions
from picsum_vision.sizing.compare import set_otherwise
from picsum_vision.sizing.settings import SizingConfig
from picsum_vision.sizing.target import Target, settings_of

CHAT = pv.ChatCompletions("https://models.example/v1", "a-model")
# Where a value that differs is not simply another number or a flag turned round.
OTHER: dict[str, Any] = {
    "verify": "decode", "user_agent": "another/1", "temperature": 0.5, "max_cost_total": 5.0,
    "max_in_flight_per_host_per_task": 3, "requests_per_second_per_host_total": 7.5, "requests_per_minute_total": 60,
    "tokens_per_minute_total": 9_000,
    "input_price_per_million_tokens": 4.0, "output_price_per_million_tokens": 5.0,
}  # fmt: skip
PRICES = DescribeOptions(input_price_per_million_tokens=1.0, output_price_per_million_tokens=2.0)


def recorded(**config: Any) -> Any:
    """Return a result with the settings that a suite of this configuration records."""
    made = SizingConfig(**{"base_url": "https://pictures.example", "backend": CHAT, "describe": PRICES, **config})
    target = Target(base_url=made.base_url, backend=made.backend, image_latency_s=None, model_latency_s=None)
    result = suite(lambda *_: 1.0)
    result.settings = settings_of(made, target, 2)
    return result


def differing(before: Any, after: Any) -> dict[str, tuple[Any, Any]]:
    return {name: (one, two) for name, one, two in set_otherwise(before, after)}


@pytest.mark.parametrize(
    ("group", "name"),
    [
        (group, field.name)
        for group, kind in (("download", DownloadOptions), ("describe", DescribeOptions))
        for field in dataclasses.fields(kind)
        if field.name != "headers"
    ],
)
def test_every_option_that_was_changed_is_named(group, name):
    """Whatever plain option differs between two suites stands among what was set otherwise, with both values."""
    usual = {"download": DownloadOptions(), "describe": PRICES}[group]
    value = getattr(usual, name)
    other = OTHER[name] if name in OTHER else (not value if isinstance(value, bool) else value - 1)
    found = differing(recorded(**{group: usual}), recorded(**{group: dataclasses.replace(usual, **{name: other})}))
    assert found[f"{group}.{name}"] == (value, other)


@pytest.mark.parametrize(
    ("changed", "name", "values"),
    [
        ({"backend": pv.ChatCompletions("https://models.example/v1", "b-model")}, "backend.model", ("a-model", "b-model")),
        ({"backend": pv.PixelDescriber(faces=True)}, "backend.faces", (None, True)),
        ({"backend": pv.AiQuery("b")}, "backend.kind", ("ChatCompletions", "AiQuery")),
        ({"task": pv.Describe(prompt="What is it?")}, "prompt_sha256", None),
    ],
)
def test_another_model_or_question_is_named(changed, name, values):
    """Two models, two kinds of backend and two prompts are no suites of which nothing was set otherwise."""
    found = differing(recorded(), recorded(**changed))
    assert values is None or found[name] == values
    assert name in found


def test_nothing_that_may_be_a_key_is_recorded():
    """Neither headers, nor where a key stands, nor the password of a model's address."""
    told = recorded(
        backend=pv.PyFunc("https://user:planted-word@models.example/m?token=planted-token"),
        download=DownloadOptions(headers={"Authorization": "Bearer planted-header"}),
    )
    chat = recorded(backend=dataclasses.replace(CHAT, api_key=pv.Secret.env("PLANTED_PLACE")))
    text = json.dumps([told.settings, chat.settings])
    assert "planted" not in text.lower()
    assert told.settings["backend"]["model"] == "https://models.example/m"
