"""Reads the body of a chat request into one checked value: its texts, its images, what the answer must be."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from picsum_vision.testing.model_server.answers.tokens import count_text_tokens
from picsum_vision.testing.model_server.errors import ApiError

_ROLES: Final = ("system", "developer", "user", "assistant")
_DATA_URL: Final = re.compile(r"data:image/[\w.+-]+(?:;[\w.+-]+=[^;,]*)*;base64,", re.IGNORECASE)
_TOKENS_PER_MESSAGE: Final = 4


@dataclasses.dataclass(frozen=True)
class SentImage:
    """One image of a request. Both are None for an http(s) address, which is accepted but never opened."""

    data: bytes | None = dataclasses.field(default=None, repr=False)
    sha256: str | None = None


@dataclasses.dataclass(kw_only=True)
class ChatRequest:
    """A checked chat request.

    `prompt` is all that was asked, `schema` the JSON schema that the answer must follow (None: free text), `max_tokens` bounds
    the answer, `given` holds the names of the request's fields that are not null.
    """

    model: str
    schema: Mapping[str, Any] | None
    wants_json: bool
    max_tokens: int | None
    given: frozenset[str]
    prompt: str = ""
    images: list[SentImage] = dataclasses.field(default_factory=list)
    text_tokens: int = 0

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
    _require(isinstance(parsed, dict), None, "The body of your request must be a JSON object.")
    found: Mapping[str, Any] = parsed
    return found


def read_chat_request(body: Mapping[str, Any], model: str | None = None) -> ChatRequest:
    """Check a chat request; `model` overrides the body's own. :class:`ApiError` 400 names the wrong field."""
    name = body.get("model") if model is None else model
    _require(isinstance(name, str) and bool(name), "model", "You must provide a model parameter.")
    bounds = [body[field] for field in ("max_completion_tokens", "max_tokens") if body.get(field) is not None]
    fits = all(isinstance(bound, int) and not isinstance(bound, bool) and bound >= 1 for bound in bounds)
    _require(fits, "max_tokens", "'max_tokens' must be a whole number of at least 1.")
    schema, wants_json = _read_response_format(body.get("response_format"))
    chat = ChatRequest(
        model=str(name),
        schema=schema,
        wants_json=wants_json,
        max_tokens=bounds[0] if bounds else None,
        given=frozenset(field for field, value in body.items() if value is not None),
    )
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise ApiError(400, "'messages' must be a list with at least one message.", param="messages")
    for index, message in enumerate(messages):
        _read_message(chat, message, f"messages[{index}]")
    return chat


def _require(holds: bool, param: str | None, message: str) -> None:  # noqa: FBT001 - the checked condition itself
    if not holds:
        raise ApiError(400, message, param=param, code=None if param is None else "invalid_value")


def _read_message(chat: ChatRequest, message: object, where: str) -> None:
    role = message.get("role") if isinstance(message, Mapping) else None
    if not isinstance(message, Mapping) or role not in _ROLES:
        raise ApiError(400, f"{where}.role must be one of {', '.join(_ROLES)}.", param=f"{where}.role")
    content = message.get("content")
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if not isinstance(parts, list) or not parts:
        raise ApiError(400, f"{where}.content must be a string or a list of parts.", param=f"{where}.content")
    chat.text_tokens += _TOKENS_PER_MESSAGE
    for part in parts:
        kind = part.get("type") if isinstance(part, Mapping) else None
        if kind == "text" and isinstance(part.get("text"), str):
            chat.text_tokens += count_text_tokens(part["text"])
            chat.prompt += part["text"] + "\n" if role != "assistant" else ""
        elif kind == "image_url" and role == "user":
            chat.images.append(_read_image(part.get("image_url"), f"{where}.image_url"))
        else:
            raise ApiError(400, f"{where}: parts are texts and, of a user, images.", param=where, code="invalid_value")


def _read_image(image: Any, where: str) -> SentImage:
    url = image.get("url") if isinstance(image, Mapping) else None
    if not isinstance(url, str):
        raise ApiError(400, f"{where} must be an object with a string 'url'.", param=where, code="invalid_type")
    if re.match(r"https?://[^/\s]", url, re.IGNORECASE):
        return SentImage()
    head = _DATA_URL.match(url)
    if head is None:
        message = f"{where} must be an http(s) address or 'data:image/<type>;base64,<data>'."
        raise ApiError(400, message, param=where, code="invalid_image_url")
    try:
        data = base64.b64decode(url[head.end() :], validate=True)
    except (binascii.Error, ValueError) as error:
        raise ApiError(400, f"{where}: invalid base64 data.", param=where, code="invalid_base64") from error
    return SentImage(data, hashlib.sha256(data).hexdigest())


def _read_response_format(wanted: object) -> tuple[Mapping[str, Any] | None, bool]:
    """Return the schema, if one is asked for, and whether the answer must be JSON."""
    kind = wanted.get("type") if isinstance(wanted, Mapping) else None
    if wanted is None or kind == "text":
        return None, False
    if kind == "json_object":
        return None, True
    described = wanted.get("json_schema") if isinstance(wanted, Mapping) and kind == "json_schema" else None
    schema = described.get("schema") if isinstance(described, Mapping) else None
    name = described.get("name") if isinstance(described, Mapping) else None
    if not isinstance(schema, Mapping) or not isinstance(name, str) or not re.fullmatch(r"[\w-]{1,64}", name, re.ASCII):
        message = "'response_format' must be text, json_object, or json_schema with a 'name' of 1 to 64 letters and a 'schema'."
        raise ApiError(400, message, param="response_format", code="invalid_value")
    return schema, True
