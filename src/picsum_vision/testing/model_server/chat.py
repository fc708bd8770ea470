"""Answers chat requests: limits, faults, pixels, words. Knows bodies and answers, but no routes."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from typing import TYPE_CHECKING, Any

from picsum_vision.testing.model_server.answers.completions import Completion, cut, in_parts, spoil
from picsum_vision.testing.model_server.answers.pixels import PixelFacts, PixelReader
from picsum_vision.testing.model_server.answers.tokens import count_image_tokens, count_text_tokens
from picsum_vision.testing.model_server.answers.words import Question, answer_in_json, answer_in_words, schema_in_prompt
from picsum_vision.testing.model_server.delivery import deliver, hang, reset_connection
from picsum_vision.testing.model_server.errors import ApiError
from picsum_vision.testing.model_server.fault_errors import answer_with_error
from picsum_vision.testing.model_server.faults import DEFAULT_STATUS, FaultKind, FaultPlan, ModelFault
from picsum_vision.testing.model_server.limits import RateLimits, Refusal, RetryAfter, retry_headers
from picsum_vision.testing.model_server.request import read_chat_request
from picsum_vision.testing.model_server.settings import ModelServerSettings, Quirk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from picsum_vision.testing.model_server.request import ChatRequest
    from picsum_vision.testing.model_server.statistics import ModelStats

_UNSEEN_IMAGE_PX = 512


class ChatModel:
    """The model behind every chat route of one server."""

    def __init__(self, settings: ModelServerSettings, stats: ModelStats) -> None:
        """Take over the settings; everything is counted in `stats`."""
        self._settings = settings
        self._stats = stats
        self._pixels = PixelReader()
        self._limits = RateLimits(settings.requests_per_minute, settings.tokens_per_minute, settings.limit_burst_s)
        self._faults = FaultPlan(settings.faults, settings.seed)
        self._waits = random.Random(settings.seed)  # noqa: S311 - a reproducible waiting time, no secret
        self._numbers = itertools.count(1)

    async def answer(self, request: web.Request, chat: ChatRequest, body: bytes) -> web.StreamResponse:
        """Answer one request, whose raw `body` identifies it; :class:`ApiError` for what the model refuses."""
        self._check(chat)
        # Asked first, because a refusal must stay cheap: no image is decoded for it.
        self._refuse(chat.model, self._limits.refuses_any())
        question = Question(chat.prompt, await self._look_at(chat))
        completion = self._complete(chat, question)
        self._refuse(chat.model, self._limits.admit(completion.prompt_tokens + completion.completion_tokens))
        fault = self._faults.draw(chat.prompt, body)
        if fault is not None:
            self._stats.note_fault(fault.word)
        if fault is None or FaultKind(fault.kind) is not FaultKind.RATE_LIMITED:
            await asyncio.sleep(self._settings.latency.sample_s(self._waits))
        return await self._respond(request, chat, completion, fault, question)

    async def answer_line(self, body: Mapping[str, Any]) -> tuple[int, Any]:
        """Return status and body of the answer to a line of a batch; limits a minute and broken deliveries are not for lines."""
        try:
            chat = read_chat_request(body)
            self._check(chat)
        except ApiError as error:
            return error.status, error.body()
        question = Question(chat.prompt, await self._look_at(chat))
        completion = self._complete(chat, question)
        fault = self._faults.draw(chat.prompt, json.dumps(body).encode())
        if fault is not None:
            self._stats.note_fault(fault.word)
            if FaultKind(fault.kind) in DEFAULT_STATUS:
                error_answer = answer_with_error(fault)
                return error_answer.status, _read_error(error_answer.text or "")
            completion = self._spoilt(chat, completion, fault, question)
        self._stats.note_answer(chat.image_sha256s, completion.prompt_tokens, completion.completion_tokens)
        completion = in_parts(completion) if self._settings.has(Quirk.CONTENT_PARTS) else completion
        return 200, completion.as_dict()

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

    def _refuse(self, model: str, refusal: Refusal | None) -> None:
        if refusal is None:
            return
        self._stats.note_refused()
        form = RetryAfter(self._settings.retry_after)
        raise refusal.error(model, retry_headers(form, refusal.wait_s, self._limits.headers(refusal)))

    async def _look_at(self, chat: ChatRequest) -> list[PixelFacts | None]:
        return [
            await self._pixels.read(image.data, image.sha256) if image.data is not None and image.sha256 is not None else None
            for image in chat.images
        ]

    def _complete(self, chat: ChatRequest, question: Question) -> Completion:
        """Return the right answer, with its tokens."""
        # A caller who may not use response_format writes the schema into the prompt, and a model follows it.
        schema = schema_in_prompt(chat.prompt) if chat.schema is None else chat.schema
        in_json = chat.wants_json or schema is not None
        return self._completion(chat, question, answer_in_json(question, schema) if in_json else answer_in_words(question))

    def _completion(self, chat: ChatRequest, question: Question, text: str) -> Completion:
        image_tokens = sum(
            count_image_tokens(facts.width, facts.height, image.detail)
            if facts is not None
            else count_image_tokens(_UNSEEN_IMAGE_PX, _UNSEEN_IMAGE_PX, image.detail)
            for image, facts in zip(chat.images, question.seen, strict=True)
        )
        whole = Completion(
            number=next(self._numbers),
            model=chat.model,
            content=text,
            finish_reason="stop",
            prompt_tokens=chat.text_tokens + image_tokens,
            completion_tokens=count_text_tokens(text),
            states_usage=not self._settings.has(Quirk.NO_USAGE),
        )
        return cut(whole, chat.max_tokens)

    async def _respond(
        self,
        request: web.Request,
        chat: ChatRequest,
        completion: Completion,
        fault: ModelFault | None,
        question: Question,
    ) -> web.StreamResponse:
        if fault is not None:
            kind = FaultKind(fault.kind)
            if kind in DEFAULT_STATUS:
                return answer_with_error(fault)
            if kind is FaultKind.HANG:
                return await hang(request, fault.duration_s or 0.0)
            if kind is FaultKind.RESET:
                return reset_connection(request)
            completion = self._spoilt(chat, completion, fault, question)
        self._stats.note_answer(chat.image_sha256s, completion.prompt_tokens, completion.completion_tokens)
        if self._settings.has(Quirk.CONTENT_PARTS):
            completion = in_parts(completion)
        headers = {"x-request-id": f"req-{completion.number}", **self._limits.headers()}
        return await deliver(request, json.dumps(completion.as_dict()).encode(), headers, fault)

    def _spoilt(self, chat: ChatRequest, completion: Completion, fault: ModelFault, question: Question) -> Completion:
        kind = FaultKind(fault.kind)
        if kind is FaultKind.SCHEMA_IGNORED:
            completion = self._completion(chat, question, answer_in_words(question))
        return spoil(completion, kind)


def _read_error(text: str) -> Any:
    """Return an error's body as a line of a batch has it: what is no JSON, as text."""
    try:
        return json.loads(text)
    except ValueError:
        return text
