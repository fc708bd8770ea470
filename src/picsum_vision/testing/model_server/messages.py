"""Reads the `messages` of a chat request: its texts and its images."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

from picsum_vision.testing.model_server.answers.tokens import count_text_tokens
from picsum_vision.testing.model_server.errors import ApiError

_ROLES: Final = ("system", "developer", "user", "assistant", "tool", "function")
_DETAILS: Final = ("auto", "low", "high", "original")
_DATA_URL: Final = re.compile(r"data:image/[\w.+-]+(?:;[\w.+-]+=[^;,]*)*;base64,", re.IGNORECASE)
_TOKENS_PER_MESSAGE: Final = 4


@dataclasses.dataclass(frozen=True, kw_only=True)
class SentImage:
    """One image of a request. `data` and `sha256` are None for an http(s) address, which is accepted but never opened."""

    detail: str
    data: bytes | None = dataclasses.field(default=None, repr=False)
    sha256: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Conversation:
    """The asked texts in order, the images in order, and the estimated tokens of all texts."""

    prompt: str
    images: tuple[SentImage, ...]
    text_tokens: int


def read_messages(messages: object) -> Conversation:
    """Check `messages` and take them apart; :class:`ApiError` 400 names the wrong field."""
    if not isinstance(messages, list) or not messages:
        raise ApiError(400, "'messages' must be a list with at least one message.", param="messages")
    asked: list[str] = []
    images: list[SentImage] = []
    tokens = 0
    for index, message in enumerate(messages):
        where = f"messages[{index}]"
        role, texts, pictures = _read_message(message, where)
        tokens += _TOKENS_PER_MESSAGE + sum(count_text_tokens(text) for text in texts)
        images.extend(pictures)
        if role != "assistant":
            asked.extend(texts)
    return Conversation(prompt="\n".join(asked), images=tuple(images), text_tokens=tokens)


def _read_message(message: object, where: str) -> tuple[str, list[str], list[SentImage]]:
    if not isinstance(message, Mapping):
        raise ApiError(400, f"{where} must be an object.", param=where)
    role = message.get("role")
    if role not in _ROLES:
        raise ApiError(400, f"{where}.role must be one of {', '.join(_ROLES)}.", param=f"{where}.role")
    content = message.get("content")
    if isinstance(content, str):
        return role, [content], []
    if content is None and role == "assistant":
        return role, [], []
    if not isinstance(content, list) or not content:
        raise ApiError(400, f"{where}.content must be a string or a list of parts.", param=f"{where}.content")
    texts: list[str] = []
    images: list[SentImage] = []
    for index, part in enumerate(content):
        _read_part(part, f"{where}.content[{index}]", role, texts, images)
    return role, texts, images


def _read_part(part: object, where: str, role: str, texts: list[str], images: list[SentImage]) -> None:
    kind = part.get("type") if isinstance(part, Mapping) else None
    if isinstance(part, Mapping) and kind == "text":
        text = part.get("text")
        if not isinstance(text, str):
            raise ApiError(400, f"{where}.text must be a string.", param=f"{where}.text")
        texts.append(text)
    elif isinstance(part, Mapping) and kind == "image_url":
        if role != "user":
            raise ApiError(400, "Images are only allowed in messages with role 'user'.", param=where)
        images.append(_read_image(part.get("image_url"), f"{where}.image_url"))
    else:
        raise ApiError(400, f"{where}.type must be 'text' or 'image_url'.", param=f"{where}.type", code="invalid_value")


def _read_image(image: Any, where: str) -> SentImage:
    if not isinstance(image, Mapping) or not isinstance(image.get("url"), str):
        raise ApiError(400, f"{where} must be an object with a string 'url'.", param=where, code="invalid_type")
    detail = image.get("detail") or "auto"
    if detail not in _DETAILS:
        raise ApiError(400, f"{where}.detail must be one of {', '.join(_DETAILS)}.", param=f"{where}.detail")
    url: str = image["url"]
    if re.match(r"https?://[^/\s]", url, re.IGNORECASE):
        return SentImage(detail=detail)
    data = _decode_data_url(url, f"{where}.url")
    return SentImage(detail=detail, data=data, sha256=hashlib.sha256(data).hexdigest())


def _decode_data_url(url: str, where: str) -> bytes:
    head = _DATA_URL.match(url)
    if head is None:
        message = f"{where} must be an http(s) address or 'data:image/<type>;base64,<data>'."
        raise ApiError(400, message, param=where, code="invalid_image_url")
    try:
        data = base64.b64decode(url[head.end() :], validate=True)
    except (binascii.Error, ValueError) as error:
        raise ApiError(400, f"{where}: invalid base64 data.", param=where, code="invalid_base64") from error
    if not data:
        raise ApiError(400, f"{where}: the image is empty.", param=where, code="invalid_image_format")
    return data
