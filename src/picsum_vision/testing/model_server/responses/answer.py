"""An answer in the shape of the Responses API: one object, or the events that build it up."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final

from picsum_vision.testing.model_server.answers.completions import AnswerForm, texts_of
from picsum_vision.testing.model_server.answers.tokens import event_pieces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picsum_vision.testing.model_server.answers.completions import Completion
    from picsum_vision.testing.model_server.request import ChatRequest

# Why an answer is not whole, by the finish_reason that chat has for it.
_INCOMPLETE: Final = {"length": "max_output_tokens", "content_filter": "content_filter"}


def _as_json(chat: ChatRequest, completion: Completion) -> bytes:
    """Write the whole answer as one JSON body."""
    return json.dumps(_response(chat, completion)).encode()


def _as_events(chat: ChatRequest, completion: Completion) -> list[bytes]:
    """Write the answer as events: begun, the text piece by piece, ended."""
    whole = _response(chat, completion)
    begun = {**whole, "status": "in_progress", "incomplete_details": None, "output": [], "usage": None}
    events = [("response.created", {"response": begun}), ("response.in_progress", {"response": begun})]
    events += [event for place, item in enumerate(whole["output"]) for event in _item_events(place, item)]
    events.append((f"response.{whole['status']}", {"response": whole}))
    return [_event(name, number, told) for number, (name, told) in enumerate(events)]


def _response(chat: ChatRequest, completion: Completion) -> dict[str, Any]:
    reason = _INCOMPLETE.get(completion.finish_reason)
    usage = {"usage": _usage(completion)} if completion.states_usage else {}
    return {
        "id": f"resp-{completion.number}",
        "object": "response",
        "created_at": int(time.time()),
        "model": completion.model,
        "status": "completed" if reason is None else "incomplete",
        "incomplete_details": None if reason is None else {"reason": reason},
        "error": None,
        "instructions": None,
        "max_output_tokens": chat.max_tokens,
        "metadata": {},
        "output": _output(completion, "completed" if reason is None else "incomplete"),
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        **usage,
    }


def _output(completion: Completion, status: str) -> list[dict[str, Any]]:
    parts = [{"type": "output_text", "text": text, "annotations": []} for text in texts_of(completion)]
    message = {"id": f"msg-{completion.number}", "type": "message", "role": "assistant", "status": status, "content": parts}
    return [message] if parts else []


def _usage(completion: Completion) -> dict[str, Any]:
    return {
        "input_tokens": completion.prompt_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": completion.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": completion.prompt_tokens + completion.completion_tokens,
    }


def _item_events(place: int, item: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    begun = {**item, "status": "in_progress", "content": []}
    yield "response.output_item.added", {"output_index": place, "item": begun}
    for number, part in enumerate(item["content"]):
        where = {"item_id": item["id"], "output_index": place, "content_index": number}
        yield "response.content_part.added", {**where, "part": {**part, "text": ""}}
        for piece in event_pieces(part["text"]):
            yield "response.output_text.delta", {**where, "delta": piece, "logprobs": []}
        yield "response.output_text.done", {**where, "text": part["text"], "logprobs": []}
        yield "response.content_part.done", {**where, "part": part}
    yield "response.output_item.done", {"output_index": place, "item": item}


def _event(name: str, number: int, told: dict[str, Any]) -> bytes:
    data = json.dumps({"type": name, "sequence_number": number, **told})
    return f"event: {name}\ndata: {data}\n\n".encode()


RESPONSES_FORM: Final = AnswerForm(as_json=_as_json, as_events=_as_events)
