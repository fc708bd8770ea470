"""One image's question to an OpenAI-compatible endpoint: made fit, asked, asked again where that can help."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from picsum_vision.concurrency.deadline import Deadline
from picsum_vision.concurrency.job import NOTHING_LEARNT, Feedback, Turn
from picsum_vision.describing.chat_answer import ChatAnswer, read_answer, read_refusal
from picsum_vision.describing.chat_request import chat_request, encoded
from picsum_vision.describing.job import CPU_LANE, DescribeJob
from picsum_vision.describing.tasks import BadAnswer, Describe
from picsum_vision.images.facts import BadImage
from picsum_vision.images.fitting import FitImage, PayloadTooLarge, fit_image
from picsum_vision.outcomes import HTTP_CAN_CHANGE, DescribeStatus, DownloadStatus
from picsum_vision.transport.failures import MESSAGES, TransportFailure, translate
from picsum_vision.transport.retry_after import retry_after_s

if TYPE_CHECKING:
    from picsum_vision.describing.chat_client import ChatClient

_MAY_CHANGE: Final = frozenset(HTTP_CAN_CHANGE)
_OVERLOADED: Final = frozenset({429, 503})
_MAY_CHANGE_FAILURES: Final = frozenset({TransportFailure.CONNECT, TransportFailure.TIMEOUT, TransportFailure.DNS})
# A base64 letter carries six bits of eight.
_BASE64_GROWTH: Final = 4 / 3


class ChatJob(DescribeJob):
    """Two kinds of step: the image is made fit in a thread, then the endpoint is asked."""

    def __init__(self, number: int, image: bytes | None, client: ChatClient) -> None:
        """Ask `client` about `image`."""
        super().__init__(number, image, client.task, client.backend.model_name, Turn(CPU_LANE))
        self._client = client
        self._fit: FitImage | None = None
        self._body = b""
        self._waited_s = 0.0

    async def _work(self) -> Feedback:
        if self._fit is None:
            await self._prepare()
            return NOTHING_LEARNT
        return await self._ask(self._fit)

    async def _prepare(self) -> None:
        loop, options = asyncio.get_running_loop(), self._client.options

        def prepare() -> FitImage:
            return fit_image(
                self._image or b"",
                max_side_px=options.max_image_side_px,
                jpeg_quality=options.jpeg_quality,
                max_bytes=int(options.max_payload_bytes / _BASE64_GROWTH),
            )

        try:
            self._fit = await loop.run_in_executor(self._client.cpu, prepare)
        except BadImage as bad:
            too_large = bad.status is DownloadStatus.TOO_MANY_PIXELS
            self._settle(DescribeStatus.TOO_LARGE if too_large else DescribeStatus.NOT_AN_IMAGE, message=bad.message)
        except PayloadTooLarge:
            self._settle(DescribeStatus.TOO_LARGE, message=f"does not fit into {options.max_payload_bytes} bytes (max_payload_bytes)")
        else:
            self._image = None
            self._turn_to_model()

    def _turn_to_model(self, delay_s: float = 0.0) -> None:
        self.turn = Turn(self._client.lane, delay_s)

    async def _ask(self, image: FitImage) -> Feedback:
        if not self._client.spending.may_ask():
            self._settle(DescribeStatus.BUDGET, message="max_cost_total is used up; nothing was asked")
            return NOTHING_LEARNT
        loop = asyncio.get_running_loop()
        request = chat_request(image, self._task, self._client.backend.model, self._client.options, self._client.dialect)
        self._attempts += 1
        self._sent_bytes = len(image.data)
        sent_s = loop.time()
        try:
            async with (
                Deadline(self._client.options.request_timeout_s),
                self._client.session.post(
                    self._client.url, data=encoded(request), headers=self._client.headers, allow_redirects=False
                ) as answer,
            ):
                body = await answer.read()
        except Exception as error:  # noqa: BLE001 - translated; what is not the transport's is raised again
            self._client.spending.count(0, 0)
            return self._fail(error)
        feedback = Feedback(
            overloaded=answer.status in _OVERLOADED,
            latency_s=loop.time() - sent_s,
            pause_s=(self._asked_s(answer.headers) or 0.0) if answer.status in _OVERLOADED else 0.0,
        )
        self._take_answer(answer.status, body, feedback, request)
        return feedback

    def _take_answer(self, http_status: int, body: bytes, feedback: Feedback, request: dict[str, Any]) -> None:
        if http_status == 200:  # noqa: PLR2004 - HTTP's own number
            answer = read_answer(body)
            self._client.spending.count(answer.input_tokens, answer.output_tokens)
            self._settle_answer(http_status, answer)
            return
        self._client.spending.count(0, 0)
        answer = read_refusal(http_status, body)
        if http_status == 400 and self._client.dialect.learn(request, body.decode("utf-8", "replace")):  # noqa: PLR2004
            self._turn_to_model()
        elif not (http_status in _MAY_CHANGE and answer.status is not DescribeStatus.REFUSED and self._try_again(feedback.pause_s or None)):
            self._settle_answer(http_status, answer)

    def _settle_answer(self, http_status: int, answer: ChatAnswer) -> None:
        status, typed, message = answer.status, None, answer.message
        if status is DescribeStatus.OK:
            try:
                typed = self._task.parse(answer.text or "")
            except BadAnswer as bad:
                status, message = DescribeStatus.BAD_SCHEMA, f"{bad}; the answer was: {' '.join((answer.text or '').split())[:500]}"
        self._settle(
            status,
            answer=typed,
            http_status=http_status,
            finish_reason=answer.finish_reason,
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            message=message,
        )
        if status is DescribeStatus.CUT_OFF and isinstance(self._task, Describe):
            self.answer = answer.text  # paid for, and the part of a free description that is there is of use

    def _fail(self, error: Exception) -> Feedback:
        failure = translate(error)
        if failure is None:
            raise error
        if failure not in _MAY_CHANGE_FAILURES or not self._try_again(None):
            timed_out = failure is TransportFailure.TIMEOUT
            self._settle(DescribeStatus.TIMEOUT if timed_out else DescribeStatus.CONNECT, message=MESSAGES[failure])
        return Feedback(overloaded=failure is TransportFailure.CONNECT)

    def _try_again(self, asked_s: float | None) -> bool:
        delay_s = self._client.retry.delay_s(attempts=self._attempts, waited_s=self._waited_s, asked_s=asked_s, rng=self._client.rng)
        if delay_s is None:
            return False
        self._waited_s += delay_s
        self._turn_to_model(delay_s)
        return True

    @staticmethod
    def _asked_s(headers: Any) -> float | None:
        return retry_after_s(headers, dt.datetime.now(dt.timezone.utc))
