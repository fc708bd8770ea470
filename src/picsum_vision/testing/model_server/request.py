"""Reads the body of a chat request into one checked value."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from picsum_vision.testing.model_server.errors import ApiError
from picsum_vision.testing.model_server.messages import SentImage, read_messages

_SCHEMA_NAME: Final = re.compile(r"[\w-]{1,64}", re.ASCII)
_MAX_TEMPERATURE: Final = 2


@dataclasses.dataclass(frozen=True, kw_only=True)
class ChatRequest:
    """A checked chat request.

    `schema` is the JSON schema that the answer must follow (None: free text), `max_tokens` bounds the answer,
    `given` holds the names of the request's fields that are not null.
    """

    model: str
    prompt: str
    images: tuple[SentImage, ...]
    text_tokens: int
    schema: Mapping[str, Any] | None
    wants_json: bool
    max_tokens: int | None
    given: frozenset[str]

    @property
    def image_sha256s(self) -> frozenset[str]:
        """SHA-256 of each distinct image that came as data."""
        return frozenset(image.sha256 for image in self.images if image.sha256 is not None)


def parse_json_object(body: bytes) -> Mapping[str, Any]:
    """Return the JSON object in `body`; :class:`ApiError` 400 if it holds none."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "We could not parse the JSON body of your request.") from error
    if not isinstance(parsed, dict):
        raise ApiError(400, "The body of your request must be a JSON object.")
    return parsed


def read_chat_request(body: Mapping[str, Any], model: str | None = None) -> ChatRequest:
    """Check a chat request; `model` overrides the body's own. :class:`ApiError` 400 names the wrong field."""
    name = model if model is not None else body.get("model")
    if not isinstance(name, str) or not name:
        raise ApiError(400, "You must provide a model parameter.", param="model")
    conversation = read_messages(body.get("messages"))
    _check_numbers(body)
    if body.get("stream"):
        raise ApiError(400, "'stream' is not supported by this server.", param="stream", code="unsupported_parameter")
    schema, wants_json = _read_response_format(body.get("response_format"))
    return ChatRequest(
        model=name,
        prompt=conversation.prompt,
        images=conversation.images,
        text_tokens=conversation.text_tokens,
        schema=schema,
        wants_json=wants_json,
        max_tokens=_read_max_tokens(body),
        given=frozenset(field for field, value in body.items() if value is not None),
    )


def _read_max_tokens(body: Mapping[str, Any]) -> int | None:
    for field in ("max_completion_tokens", "max_tokens"):
        value = body.get(field)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ApiError(400, f"'{field}' must be a whole number of at least 1.", param=field, code="invalid_value")
        return value
    return None


def _check_numbers(body: Mapping[str, Any]) -> None:
    answers = body.get("n")
    if answers is not None and (isinstance(answers, bool) or answers != 1):
        raise ApiError(400, "'n' must be 1: this server gives one answer to a request.", param="n", code="unsupported_value")
    temperature = body.get("temperature")
    if temperature is None:
        return
    if not isinstance(temperature, (int, float)) or isinstance(temperature, bool) or not 0 <= temperature <= _MAX_TEMPERATURE:
        raise ApiError(400, "'temperature' must be a number from 0 to 2.", param="temperature", code="invalid_value")


def _read_response_format(wanted: object) -> tuple[Mapping[str, Any] | None, bool]:
    """Return the schema, if one is asked for, and whether the answer must be JSON."""
    kind = wanted.get("type") if isinstance(wanted, Mapping) else None
    if wanted is None or kind == "text":
        return None, False
    if kind == "json_object":
        return None, True
    if not isinstance(wanted, Mapping) or kind != "json_schema":
        message = "'response_format.type' must be 'text', 'json_object' or 'json_schema'."
        raise ApiError(400, message, param="response_format.type", code="invalid_value")
    return _read_json_schema(wanted.get("json_schema")), True


def _read_json_schema(described: object) -> Mapping[str, Any]:
    where = "response_format.json_schema"
    if not isinstance(described, Mapping):
        raise ApiError(400, f"Missing required parameter: '{where}'.", param=where, code="missing_required_parameter")
    name = described.get("name")
    if not isinstance(name, str) or not _SCHEMA_NAME.fullmatch(name):
        message = f"'{where}.name' must be 1 to 64 letters, digits, underscores or dashes."
        raise ApiError(400, message, param=f"{where}.name", code="invalid_value")
    schema = described.get("schema")
    if not isinstance(schema, Mapping):
        raise ApiError(400, f"'{where}.schema' must be a JSON schema.", param=f"{where}.schema", code="invalid_type")
    return schema
