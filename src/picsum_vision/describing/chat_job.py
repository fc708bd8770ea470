"""One row's question to an OpenAI-compatible endpoint: made fit, asked, asked again where that can help and nothing was paid."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from picsum_vision.concurrency.job import NOTHING_LEARNT, Feedback, Turn
from picsum_vision.describing.chat_answer import ChatAnswer, is_final, names_no_model, read_refusal, read_success
from picsum_vision.describing.chat_request import chat_request, encoded
from picsum_vision.describing.job import CPU_LANE, DescribeJob
from picsum_vision.describing.payload import Payload, Unfit, fit_payload, payload_as_it_is
from picsum_vision.describing.rate_headers import pause_after_answer_s, told_allowance
from picsum_vision.describing.spending import cost
from picsum_vision.describing.typed_answer import typed_answer
from picsum_vision.errors import EnvironmentProblem
from picsum_vision.outcomes import HTTP_SUCCESS, MODEL_CAN_CHANGE, MODEL_OVERLOADED, DescribeStatus
from picsum_vision.transport.failures import MESSAGES, TransportFailure, translate
from picsum_vision.transport.retry_after import retry_after_s
from picsum_vision.transport.whole_body import WholeBody

if TYPE_CHECKING:
    from picsum_vision.describing.chat_client import ChatClient

# An answer of text and its usage; what is longer is none.
_ANSWER_BYTES_AT_MOST: Final = 16_000_000
_MAY_CHANGE: Final = frozenset(MODEL_CAN_CHANGE)
# llama.cpp calls a grammar that it cannot read its own error.
_REFUSES_A_FIELD: Final = frozenset({400, 422, 500})
_NO_SUCH_ADDRESS: Final = frozenset({404, 405})
_MAY_CHANGE_FAILURES: Final = frozenset(
    {TransportFailure.CONNECT, TransportFailure.TIMEOUT, TransportFailure.DNS, TransportFailure.DNS_FOR_NOW}
)


class ChatJob(DescribeJob):
    """Two kinds of step: the images are made fit in a thread, then the endpoint is asked."""

    def __init__(self, number: int, image: Any, client: ChatClient) -> None:
        """Ask `client` about `image`: bytes, a list of them, or an address."""
        super().__init__(number, image, client.task, client.backend.model_name, Turn(CPU_LANE))
        self._client = client
        self._payload: Payload | None = None
        self._prepared_s = 0.0
        self._waited_s = 0.0
        self._was_answered = False
        if self.turn is not None and client.key.problem is not None:
            self._settle(DescribeStatus.AUTH, message=client.key.problem)

    async def _work(self) -> Feedback:
        if self._payload is None:
            await self._prepare()
            return NOTHING_LEARNT
        return await self._ask_within_budget(self._payload)

    async def _prepare(self) -> None:
        client, image = self._client, self._image
        made: Payload | Unfit | None = payload_as_it_is(image, client.options, client.rule)
        if made is None:
            loop = asyncio.get_running_loop()
            made = await loop.run_in_executor(client.cpu, fit_payload, image, client.backend, client.options, client.rule)
        if isinstance(made, Unfit):
            self._settle(made.status, message=made.message)
            return
        self._payload, self._image = made, None
        self._prepared_s = asyncio.get_running_loop().time()
        self._turn_to_model()

    def _turn_to_model(self, delay_s: float = 0.0) -> None:
        self.turn = Turn(self._client.lane, delay_s)

    async def _ask_within_budget(self, payload: Payload) -> Feedback:
        if not self._attempts:
            self._leave_out_the_wait()
        client = self._client
        silence_s = client.silences.left_s(client.lane.key)
        if silence_s > 0:
            self._keep_silent(silence_s)
            return NOTHING_LEARNT
        input_tokens = client.prompt_tokens + payload.image_tokens
        expected = client.estimate.total(input_tokens)
        if client.token_pace is not None:
            client.token_pace.begin(expected)
        set_aside = await client.spending.set_aside(*client.estimate.most(input_tokens))
        if set_aside is None:
            client.pace.give_back()
            if client.token_pace is not None:
                client.token_pace.correct(-expected)
            self._settle(DescribeStatus.BUDGET, message="max_cost_total is used up; nothing was asked")
            return NOTHING_LEARNT
        spent = set_aside  # what was sent and not answered may be billed all the same
        try:
            feedback, answer = await self._ask(payload)
            spent = self._count(answer, input_tokens, expected, set_aside) if answer is not None else 0.0
        except Exception as error:  # noqa: BLE001 - translated; what is not the transport's is raised again
            spent = 0.0 if translate(error) is TransportFailure.CONNECT and not self._was_answered else spent
            feedback = self._fail(error)
        finally:
            client.spending.settle(set_aside, spent)
        return feedback

    def _keep_silent(self, silence_s: float) -> None:
        """Wait for the end of a silence that the endpoint has asked for, if that is near enough; nothing is asked for now."""
        client = self._client
        client.pace.give_back()
        if client.token_pace is not None:
            client.token_pace.begin(0.0)
        if self._waited_s + silence_s > client.options.max_retry_wait_s:
            told = "the endpoint has asked for a silence longer than max_retry_wait_s"
            self._settle(DescribeStatus.RATE_LIMITED, message=told)
            return
        self._waited_s += silence_s
        self._turn_to_model(silence_s)

    async def _ask(self, payload: Payload) -> tuple[Feedback, ChatAnswer | None]:
        """Send the request and take its answer; returns the answer if it is one that is billed."""
        client = self._client
        try:
            key_header = await client.key.fresh()
        except EnvironmentProblem as problem:
            self._settle(DescribeStatus.AUTH, message=str(problem))
            return NOTHING_LEARNT, None
        address = client.dialect.address
        request = chat_request(len(payload.urls), self._task, client.backend.model, client.options, client.dialect)
        self._attempts += 1
        self._sent_bytes = payload.image_bytes
        self._was_answered = False
        sink = WholeBody(_ANSWER_BYTES_AT_MOST)
        try:
            exchange = await client.http.post(
                client.targets[address],
                client.header_lines(key_header),
                encoded(request, payload.urls),
                sink,
                client.options.request_timeout_s,
            )
        finally:
            self._was_answered = sink.status in HTTP_SUCCESS
        status, body = sink.status, client.key.redactor.body(sink.body)
        assert status is not None  # noqa: S101 - no exchange ends well without a head
        if await client.key.is_renewed(status, key_header):
            self._turn_to_model()
            return NOTHING_LEARNT, None
        answer: ChatAnswer | None = None
        if status in HTTP_SUCCESS:
            client.dialect.has_answered = True
            status, answer = read_success(status, body)
        asked_s = _asked_silence_s(status, sink.headers)
        feedback = self._feedback(status, sink.headers, exchange.latency_s, asked_s)
        if answer is None or status not in HTTP_SUCCESS:
            self._take_refusal(status, body, asked_s, request, address)
            return feedback, None
        self._settle_answer(status, answer)
        if self.outcome is not None and self.outcome.status is DescribeStatus.BAD_SCHEMA and "response_format" in request:
            client.dialect.ignores_schema = True
        return feedback, answer

    def _leave_out_the_wait(self) -> None:
        """Move the clock by the wait for the first turn: a queue of thousands says nothing of how long an answer takes."""
        assert self._started_s is not None  # noqa: S101 - its first step has prepared the picture
        now_s = asyncio.get_running_loop().time()
        self._started_s, self._prepared_s = self._started_s + now_s - self._prepared_s, now_s

    def _feedback(self, status: int, headers: Mapping[str, str], latency_s: float | None, asked_s: float) -> Feedback:
        client, told = self._client, told_allowance(headers)
        return Feedback(
            overloaded=status in MODEL_OVERLOADED,
            refused=status in MODEL_OVERLOADED,
            latency_s=latency_s,
            pause_s=client.silences.waited_for_s(client.lane.key, asked_s, client.options.max_retry_wait_s),
            told_per_s=told.per_second,
            told_left=told.left,
        )

    def _count(self, answer: ChatAnswer, estimated_input: int, expected: float, set_aside: float) -> float:
        """Take in what an answer used; return its cost. Where the endpoint does not say, the estimate stands."""
        client = self._client
        if answer.input_tokens is None or answer.output_tokens is None:
            return set_aside
        client.estimate.learn(estimated_input, answer.input_tokens, answer.output_tokens)
        if client.token_pace is not None:
            client.token_pace.correct(answer.input_tokens + answer.output_tokens - expected)
        return cost(client.options, answer.input_tokens, answer.output_tokens) or 0.0

    def _take_refusal(self, http_status: int, body: bytes, asked_s: float, request: dict[str, Any], address: int) -> None:
        client, answer = self._client, read_refusal(http_status, body)
        if http_status in _REFUSES_A_FIELD and client.dialect.learn(request, body[:4_000].decode("utf-8", "replace")):
            self._turn_to_model()
            return
        no_address = http_status in _NO_SUCH_ADDRESS and not names_no_model(body)
        if no_address and client.dialect.learn_address(address, len(client.targets)):
            self._turn_to_model()
            return
        if is_final(answer, body) or http_status not in _MAY_CHANGE or not self._try_again(asked_s or None):
            self._settle_answer(http_status, answer)

    def _settle_answer(self, http_status: int, answer: ChatAnswer) -> None:
        told, typed = typed_answer(answer, self._task)
        self._settle(
            told.status,
            http_status=http_status,
            finish_reason=told.finish_reason,
            input_tokens=told.input_tokens,
            output_tokens=told.output_tokens,
            message=told.message,
        )
        self.answer = typed

    def _fail(self, error: Exception) -> Feedback:
        failure = translate(error)
        if failure is None:
            raise error
        # After the head of a 200 the answer has been written, and is billed: asking again would pay for it twice.
        timed_out = failure is TransportFailure.TIMEOUT
        again = failure in _MAY_CHANGE_FAILURES and not self._was_answered
        if not again or not self._try_again(None):
            self._settle(DescribeStatus.TIMEOUT if timed_out else DescribeStatus.CONNECT, message=MESSAGES[failure])
        # A server that works on one image after the other refuses none: the last ones come too late.
        return Feedback(overloaded=timed_out or failure is TransportFailure.CONNECT, timed_out=timed_out)

    def _try_again(self, asked_s: float | None) -> bool:
        client = self._client
        delay_s = client.retry.delay_s(attempts=self._attempts, waited_s=self._waited_s, asked_s=asked_s, rng=client.rng)
        if delay_s is None:
            return False
        self._waited_s += delay_s
        self._turn_to_model(delay_s)
        return True


def _asked_silence_s(status: int, headers: Mapping[str, str]) -> float:
    now = dt.datetime.now(dt.timezone.utc)
    return (retry_after_s(headers, now) or 0.0) if status in MODEL_OVERLOADED else pause_after_answer_s(headers, now)
