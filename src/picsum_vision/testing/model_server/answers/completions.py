"""A chat completion: made, cut, spoilt by a fault, and written as a body."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

from picsum_vision.testing.model_server.answers.tokens import count_text_tokens, cut_to_tokens
from picsum_vision.testing.model_server.faults import FaultKind

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

    def as_dict(self) -> dict[str, Any]:
        """Return the body of the response."""
        message = {"role": "assistant", "content": self.content, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self.finish_reason}
        body = {"id": f"chatcmpl-{self.number}", "object": "chat.completion", "created": int(time.time()), "model": self.model}
        usage = {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
        }
        return {**body, "choices": [choice], **({"usage": usage} if self.states_usage else {})}


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
