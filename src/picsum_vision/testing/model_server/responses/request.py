"""Reads the body of a request to `/v1/responses` into the same checked value as a chat request.

The conversation is in memory of nobody: `previous_response_id`, `conversation` and `background` are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from picsum_vision.testing.model_server.errors import ApiError
from picsum_vision.testing.model_server.request import ChatRequest, read_chat_request

_NOT_HERE: Final = ("previous_response_id", "conversation", "background")
_TEXT_PARTS: Final = frozenset({"input_text", "output_text"})
# How its fields are called in a chat request, and where the two differ in a message of what is wrong.
_OTHER_NAMES: Final = (("messages", "input"), ("response_format.json_schema", "text.format"), ("response_format", "text.format"))


def read_responses_request(body: Mapping[str, Any]) -> ChatRequest:
    """Check a request; :class:`ApiError` 400 names the wrong field."""
    for field in _NOT_HERE:
        if body.get(field):
            raise ApiError(400, f"'{field}' is not supported by this server.", param=field, code="unsupported_parameter")
    asked = {
        "model": body.get("model"),
        "messages": _messages(body),
        "max_completion_tokens": _at_least_one(body.get("max_output_tokens")),
        "temperature": body.get("temperature"),
        "stream": body.get("stream"),
        "response_format": _response_format(body.get("text")),
    }
    try:
        return read_chat_request(asked)
    except ApiError as error:
        raise _renamed(error) from error


def _messages(body: Mapping[str, Any]) -> list[Any]:
    given, instructions = body.get("input"), body.get("instructions")
    if instructions is not None and not isinstance(instructions, str):
        raise ApiError(400, "'instructions' must be a string.", param="instructions", code="invalid_type")
    if isinstance(given, str):
        given = [{"role": "user", "content": given}]
    if not isinstance(given, list) or not given:
        raise ApiError(400, "'input' must be a string or a list with at least one item.", param="input")
    # What is wrong with an item is told by its place among the input, so the instructions come behind it.
    messages = [_message(item, f"input[{index}]") for index, item in enumerate(given)]
    return [*messages, {"role": "system", "content": instructions}] if instructions else messages


def _message(item: Any, where: str) -> Any:
    if not isinstance(item, Mapping) or item.get("type", "message") != "message":
        raise ApiError(400, f"{where}.type must be 'message'.", param=f"{where}.type", code="invalid_value")
    content = item.get("content")
    if isinstance(content, list):
        content = [_part(part, f"{where}.content[{index}]") for index, part in enumerate(content)]
    return {"role": item.get("role"), "content": content}


def _part(part: Any, where: str) -> Any:
    kind = part.get("type") if isinstance(part, Mapping) else None
    if kind in _TEXT_PARTS:
        return {"type": "text", "text": part.get("text")}
    if kind != "input_image":
        message = f"{where}.type must be 'input_text' or 'input_image'."
        raise ApiError(400, message, param=f"{where}.type", code="invalid_value")
    if not isinstance(part.get("image_url"), str):
        raise ApiError(400, f"{where}.image_url must be a string.", param=f"{where}.image_url", code="invalid_type")
    return {"type": "image_url", "image_url": {"url": part["image_url"], "detail": part.get("detail")}}


def _response_format(text: Any) -> Any:
    wanted = text.get("format") if isinstance(text, Mapping) else text
    if not isinstance(wanted, Mapping) or wanted.get("type") != "json_schema":
        return wanted
    return {"type": "json_schema", "json_schema": {name: value for name, value in wanted.items() if name != "type"}}


def _at_least_one(value: Any) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        name = "max_output_tokens"
        raise ApiError(400, f"'{name}' must be a whole number of at least 1.", param=name, code="invalid_value")
    return value


def _renamed(error: ApiError) -> ApiError:
    message, param = str(error), error.param
    for theirs, ours in _OTHER_NAMES:
        message = message.replace(theirs, ours)
        param = None if param is None else param.replace(theirs, ours)
    # In a chat request an image's address is in an object of its own.
    message, param = message.replace(".image_url.url", ".image_url"), param and param.replace(".image_url.url", ".image_url")
    return ApiError(error.status, message, param=param, code=error.code)
