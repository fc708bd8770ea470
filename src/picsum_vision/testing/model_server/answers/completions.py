"""A chat completion: made, cut, spoilt by a fault, and written as one JSON body or as a stream of events."""

from __future__ import annotations

import dataclasses
import json
import time
from typing import TYPE_CHECKING, Any

from picsum_vision.testing.model_server.answers.tokens import count_text_tokens, cut_to_tokens, event_pieces
from picsum_vision.testing.model_server.faults import FaultKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from picsum_vision.testing.model_server.request import ChatRequest

_Content = str | list[dict[str, str]] | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Completion:
    """One answer. `content` is its text (or parts, or nothing); `prompt_tokens` and `completion_tokens` as billed."""

    number: int
    model: str
    content: _Content
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    states_usage: bool = True

    @property
    def usage(self) -> dict[str, int]:
        """The body's `usage`."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
        }


def cut(completion: Completion, max_tokens: int | None) -> Completion:
    """Return the completion cut to `max_tokens`, with finish_reason "length" if something was lost."""
    text = completion.content
    if max_tokens is None or not isinstance(text, str) or completion.completion_tokens <= max_tokens:
        return completion
    short = cut_to_tokens(text, max_tokens)
    return dataclasses.replace(completion, content=short, finish_reason="length", completion_tokens=count_text_tokens(short))


def spoil(completion: Completion, kind: FaultKind) -> Completion:
    """Return the completion as the fault `kind` leaves it; kinds that do not concern its content change nothing."""
    if kind is FaultKind.CONTENT_FILTER:
        return dataclasses.replace(completion, content="", finish_reason="content_filter", completion_tokens=0)
    if kind is FaultKind.EMPTY_TEXT:
        return dataclasses.replace(completion, content="", completion_tokens=0)
    if kind is FaultKind.NULL_TEXT:
        return dataclasses.replace(completion, content=None, completion_tokens=0)
    if kind is FaultKind.LENGTH:
        halved = cut(completion, max(1, completion.completion_tokens // 2))
        return dataclasses.replace(halved, finish_reason="length")
    if kind is FaultKind.NO_USAGE:
        return dataclasses.replace(completion, states_usage=False)
    return in_parts(completion) if kind is FaultKind.CONTENT_PARTS else completion


def in_parts(completion: Completion) -> Completion:
    """Return the completion with its text as two parts, which joined are the text."""
    text = completion.content
    if not isinstance(text, str) or not text:
        return completion
    middle = len(text) // 2
    return dataclasses.replace(
        completion, content=[{"type": "text", "text": part} for part in (text[:middle], text[middle:]) if part]
    )


def as_json(_chat: ChatRequest, completion: Completion) -> bytes:
    """Write the whole completion as one JSON body."""
    message = {"role": "assistant", "content": completion.content, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": completion.finish_reason}
    usage = {"usage": completion.usage} if completion.states_usage else {}
    return json.dumps({**_head(completion, "chat.completion"), "choices": [choice], **usage}).encode()


def as_events(chat: ChatRequest, completion: Completion) -> list[bytes]:
    """Write the completion as events: a role, pieces of the content, the finish_reason, the usage if asked for, [DONE]."""
    with_usage = chat.stream_usage
    head = _head(completion, "chat.completion.chunk")
    # Once usage is asked for, every other chunk carries it as null.
    tail = {"usage": None} if with_usage and completion.states_usage else {}
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": piece} for piece in _stream_pieces(completion.content)]
    chunks = [{**head, "choices": [_delta(delta, None)], **tail} for delta in deltas]
    chunks.append({**head, "choices": [_delta({}, completion.finish_reason)], **tail})
    if tail:
        chunks.append({**head, "choices": [], "usage": completion.usage})
    return [b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks] + [b"data: [DONE]\n\n"]


def _head(completion: Completion, kind: str) -> Mapping[str, Any]:
    return {"id": f"chatcmpl-{completion.number}", "object": kind, "created": int(time.time()), "model": completion.model}


def _delta(delta: Mapping[str, Any], finish_reason: str | None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}


def _stream_pieces(content: _Content) -> list[str | list[dict[str, str]]]:
    if content is None:
        return []
    if isinstance(content, list):
        return [[part] for part in content]
    return list(event_pieces(content))
