"""Answers chat requests: limits, faults, pixels, words. Knows bodies and answers, but no routes."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import json
import random
import time
from typing import TYPE_CHECKING, Any, Final

from picsum_vision.testing.model_server.answers.pixels import PixelReader
from picsum_vision.testing.model_server.answers.tokens import count_image_tokens, count_text_tokens, cut_to_tokens
from picsum_vision.testing.model_server.answers.words import Question, answer_in_json, answer_in_words, schema_in_prompt
from picsum_vision.testing.model_server.delivery import answer_with_error, deliver, hang, reset_connection
from picsum_vision.testing.model_server.errors import ApiError
from picsum_vision.testing.model_server.faults import ERROR_STATUS, FaultKind, FaultPlan, ModelFault
from picsum_vision.testing.model_server.limits import RateLimits, RetryAfter
from picsum_vision.testing.model_server.request import ChatRequest, read_chat_request
from picsum_vision.testing.model_server.settings import ModelServerSettings, Quirk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from picsum_vision.testing.model_server.statistics import ModelStats

_UNSEEN_IMAGE_PX: Final = 512


@dataclasses.dataclass(kw_only=True)
class Completion:
    """One answer. `content` is its text (or parts, or nothing); `prompt_tokens` and `completion_tokens` as billed."""

    number: int
    model: str
    text: str
    prompt_tokens: int
    completion_tokens: int
    content: str | list[dict[str, str]] | None = None
    finish_reason: str = "stop"
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

    def cut(self, most: int) -> None:
        """Keep the first `most` tokens, with finish_reason "length" if something is lost."""
        if self.completion_tokens > most:
            self.text = self.content = cut_to_tokens(self.text, most)
            self.finish_reason, self.completion_tokens = "length", most

    def spoil(self, kind: FaultKind | None) -> None:
        """Make of it what the fault `kind` leaves; kinds that do not concern its content change nothing."""
        if kind in {FaultKind.CONTENT_FILTER, FaultKind.EMPTY_TEXT, FaultKind.NULL_TEXT}:
            self.content, self.completion_tokens = None if kind is FaultKind.NULL_TEXT else "", 0
        if kind is FaultKind.CONTENT_FILTER:
            self.finish_reason = "content_filter"
        if kind is FaultKind.LENGTH:
            self.cut(max(1, self.completion_tokens // 2))
            self.finish_reason = "length"
        if kind is FaultKind.NO_USAGE:
            self.states_usage = False
        if kind is FaultKind.CONTENT_PARTS:
            middle = len(self.text) // 2
            self.content = [{"type": "text", "text": part} for part in (self.text[:middle], self.text[middle:]) if part]


class ChatModel:
    """The model behind every chat route of one server."""

    def __init__(self, settings: ModelServerSettings, stats: ModelStats) -> None:
        """Take over the settings; everything is counted in `stats`."""
        self._settings = settings
        self._stats = stats
        self._pixels = PixelReader()
        limits = {"requests": settings.requests_per_minute, "tokens": settings.tokens_per_minute}
        self._limits = RateLimits(limits, settings.limit_burst_s, RetryAfter(settings.retry_after))
        self._faults = FaultPlan(settings.faults, settings.seed)
        self._waits = random.Random(settings.seed)  # noqa: S311 - a reproducible waiting time, no secret
        self._numbers = itertools.count(1)

    async def answer(self, request: web.Request, chat: ChatRequest, body: bytes) -> web.StreamResponse:
        """Answer one request, whose raw `body` identifies it; :class:`ApiError` for what the model refuses."""
        self._check(chat)
        # Asked first, because a refusal must stay cheap: no image is decoded for it.
        self._refuse(self._limits.refusal(chat.model, take=False))
        question = await self._question(chat)
        completion = self._complete(chat, question)
        self._refuse(self._limits.refusal(chat.model, completion.prompt_tokens + completion.completion_tokens))
        fault, kind = self._draw(chat, body)
        if kind is not FaultKind.RATE_LIMITED:
            await asyncio.sleep(self._settings.latency.sample_s(self._waits))
        if fault is not None and kind in ERROR_STATUS:
            return answer_with_error(fault)
        if fault is not None and kind is FaultKind.HANG:
            return await hang(request, fault.duration_s or 0.0)
        if kind is FaultKind.RESET:
            return reset_connection(request)
        answer = self._billed(chat, question, completion, kind)
        headers = {"x-request-id": f"req-{completion.number}", **self._limits.headers()}
        return await deliver(request, json.dumps(answer).encode(), headers, fault)

    async def answer_line(self, body: Mapping[str, Any]) -> tuple[int, Any]:
        """Return status and body of the answer to a line of a batch; limits a minute and broken deliveries are not for lines."""
        try:
            chat = read_chat_request(body)
            self._check(chat)
            question = await self._question(chat)
            completion = self._complete(chat, question)
        except ApiError as error:
            return error.status, error.body()
        fault, kind = self._draw(chat, json.dumps(body).encode())
        if fault is not None and kind in ERROR_STATUS:
            refusal = answer_with_error(fault)
            is_json = refusal.content_type == "application/json"
            return refusal.status, json.loads(refusal.text or "") if is_json else refusal.text
        return 200, self._billed(chat, question, completion, kind)

    def _check(self, chat: ChatRequest) -> None:
        if chat.model not in self._settings.models:
            status = 500 if self._settings.has(Quirk.UNKNOWN_MODEL_IS_500) else 404
            raise ApiError(status, f"The model '{chat.model}' does not exist.", param="model", code="model_not_found")
        for quirk, field in (
            (Quirk.REFUSES_TEMPERATURE, "temperature"),
            (Quirk.REFUSES_RESPONSE_FORMAT, "response_format"),
        ):
            if self._settings.has(quirk) and field in chat.given:
                message = f"Unsupported parameter: '{field}' is not supported with this model."
                raise ApiError(400, message, param=field, code="unsupported_parameter")

    def _refuse(self, refusal: ApiError | None) -> None:
        if refusal is not None:
            self._stats.refused += 1
            raise refusal

    def _draw(self, chat: ChatRequest, body: bytes) -> tuple[ModelFault | None, FaultKind | None]:
        fault = self._faults.draw(chat.prompt, body)
        if fault is None:
            return None, None
        kind = FaultKind(fault.kind)
        self._stats.faults[kind.value] += 1
        return fault, kind

    async def _question(self, chat: ChatRequest) -> Question:
        seen = [
            await self._pixels.read(image.data, image.sha256) if image.data is not None and image.sha256 is not None else None
            for image in chat.images
        ]
        return Question(chat.prompt, seen)

    def _complete(self, chat: ChatRequest, question: Question, *, in_words: bool = False) -> Completion:
        """Return the right answer, with its tokens; with `in_words` that of a model that heeds no schema."""
        # A caller who may not use response_format writes the schema into the prompt, and a model follows it.
        schema = schema_in_prompt(chat.prompt) if chat.schema is None else chat.schema
        in_json = (chat.wants_json or schema is not None) and not in_words
        text = answer_in_json(question, schema) if in_json else answer_in_words(question)
        sizes = [(facts.width, facts.height) if facts else (_UNSEEN_IMAGE_PX, _UNSEEN_IMAGE_PX) for facts in question.seen]
        completion = Completion(
            number=next(self._numbers),
            model=chat.model,
            text=text,
            content=text,
            prompt_tokens=chat.text_tokens + sum(count_image_tokens(width, height) for width, height in sizes),
            completion_tokens=count_text_tokens(text),
            states_usage=not self._settings.has(Quirk.NO_USAGE),
        )
        if chat.max_tokens is not None:
            completion.cut(chat.max_tokens)
        return completion

    def _billed(self, chat: ChatRequest, question: Question, completion: Completion, kind: FaultKind | None) -> dict[str, Any]:
        """Return the body of the answer as the fault leaves it, and count it as paid for."""
        if kind is FaultKind.SCHEMA_IGNORED:
            completion = self._complete(chat, question, in_words=True)
        if self._settings.has(Quirk.CONTENT_PARTS):
            completion.spoil(FaultKind.CONTENT_PARTS)
        completion.spoil(kind)
        self._stats.note_answer(chat.image_sha256s, completion.prompt_tokens, completion.completion_tokens)
        return completion.as_dict()
