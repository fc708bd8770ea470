"""One task's questions to a batch endpoint, from what is there already to an outcome for each."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from picsum_vision.concurrency.loop_thread import LoopThread
from picsum_vision.describing.api_key import Authorization
from picsum_vision.describing.backends import BatchChat
from picsum_vision.describing.batch_api import SUBMISSION, BatchApi
from picsum_vision.describing.batch_earlier import EarlierBatches
from picsum_vision.describing.batch_ledger import LineLedger
from picsum_vision.describing.batch_lines import LineSpool, Shard, shards
from picsum_vision.describing.batch_notes import BatchNotes
from picsum_vision.describing.batch_results import CANCELLED, NO_RESULT, LineResult, ResultSpool, custom_id_of, read_result
from picsum_vision.describing.batch_told import BatchCallFailed, BatchTold
from picsum_vision.describing.chat_answer import ChatAnswer, read_refusal
from picsum_vision.describing.chat_request import Dialect, completions_urls
from picsum_vision.describing.image_tokens import image_token_rule, text_tokens
from picsum_vision.describing.payload import Payload, Unfit, fit_payload
from picsum_vision.describing.shares import Shares
from picsum_vision.describing.spending import at_price_of
from picsum_vision.describing.tasks import Task
from picsum_vision.describing.token_pace import QuestionPace, request_pace
from picsum_vision.options import DEFAULT_USER_AGENT, DescribeOptions
from picsum_vision.outcomes import DescribeStatus
from picsum_vision.redaction import redact_traceback
from picsum_vision.transport.client import HttpClient, http_client

_CONNECT_TIMEOUT_S: Final = 15
_REFUSES_A_FIELD: Final = frozenset({400, 422})
_QUEUE_FULL: Final = frozenset({"token_limit_exceeded", "request_limit_exceeded"})
_LONGEST_QUEUE_WAIT_S: Final = 1_800.0
_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class _Flight:
    """A batch under way: its lines by their numbers, what they ask, and what was set aside for them."""

    ids: Mapping[int, str]
    request: dict[str, Any]
    set_aside: Mapping[str, float]


class BatchRun:
    """A task's questions: added, settled all together, then told one by one.

    Invariant: a line is submitted only while the endpoint is known to hold no answer to it and no running batch with it.
    """

    def __init__(  # noqa: PLR0917 - all that a task has
        self,
        backend: BatchChat,
        task: Task,
        options: DescribeOptions,
        loop_thread: LoopThread,
        shares: Shares,
        folder: Path,
        of_buckets: int,
    ) -> None:
        """Spool into `folder`; the rows of the whole job are in `of_buckets` buckets."""
        self._backend = backend
        self._options = at_price_of(options, backend.price_factor)
        self._loop_thread = loop_thread
        self._share_of_rate = shares.of_rate
        self._of_buckets = of_buckets
        self._buckets: set[int] = set()
        self._rule = image_token_rule(backend.model)
        self._prompt_tokens = text_tokens(task.full_prompt)
        self._spool = LineSpool(folder, backend, task, options)
        self._results = ResultSpool(folder)
        self._notes = BatchNotes(backend.state, backend.job, self._spool.question())
        self._flights: dict[str, _Flight] = {}
        self._not_before_s = 0.0
        self._queue_waits = 0
        self.ledger = LineLedger(task, backend.model_name, self._options, shares.of_total, self._spool, self._results)

    def made_fit(self, image: Any) -> Payload | Unfit:
        """Return what of a row's image can be sent; takes CPU and is for any thread."""
        return fit_payload(image, self._backend, self._options, self._rule)

    def add(self, made: Payload | Unfit, bucket: int) -> str | Unfit:
        """Take a row's question, and return its id, or why there is none."""
        self._buckets.add(bucket)
        return made if isinstance(made, Unfit) else self._spool.add(made, self._prompt_tokens)

    def settle(self) -> None:
        """Bring every question to its end. Blocks for as long as the batches take, up to max_wait_s.

        Not to be called on the loop's own thread.
        """
        self._loop_thread.run(self._settle())

    def close(self) -> None:
        """Let go of the files."""
        self._spool.close()
        self._results.close()

    async def _settle(self) -> None:
        self.ledger.begin()
        try:
            await self._go_through()
        except BatchCallFailed as failed:
            self._end_rest(failed)
        except Exception as error:  # noqa: BLE001 - the rows' outcomes say it; a bad row must never fail the task
            _log.warning("unexpected error while asking a batch endpoint: %s", redact_traceback(error))
            self._end_rest(BatchCallFailed(DescribeStatus.INTERNAL, f"unexpected {type(error).__name__}"))

    async def _go_through(self) -> None:
        if not self.ledger.open:
            return
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + self._backend.max_wait_s
        await self._open_api()
        await self._take_earlier()
        while self.ledger.open or self._flights:
            if loop.time() >= self._not_before_s:
                await self._submit_open()
            await self._look()
            if loop.time() >= deadline_s:
                break
            if self._flights or loop.time() < self._not_before_s:
                await asyncio.sleep(min(self._backend.poll_interval_s, max(0.0, deadline_s - loop.time())))
        self._end_rest(None)

    async def _open_api(self) -> None:
        key = await asyncio.to_thread(Authorization, self._backend.api_key)
        if key.problem is not None:
            raise BatchCallFailed(DescribeStatus.AUTH, key.problem)
        headers = {"Accept": "application/json", "User-Agent": DEFAULT_USER_AGENT}
        roots = tuple(url.removesuffix("/chat/completions") for url in completions_urls(self._backend.base_url))
        per_minute = self._options.requests_per_minute_total
        pace = QuestionPace(request_pace(per_minute * self._share_of_rate) if per_minute else None, None)
        self._api = BatchApi(self._http(), roots, headers, self._options, pace, key=key)
        self._dialect = self._loop_thread.keep(("dialect", self._backend.base_url, self._backend.model), Dialect)

    def _http(self) -> HttpClient:
        # The endpoint is the user's own setting: it may well be a private address.
        return http_client(self._loop_thread, public_addresses_only=False, connect_timeout_s=_CONNECT_TIMEOUT_S)

    async def _take_earlier(self) -> None:
        self._earlier = EarlierBatches(
            self._api,
            self._notes,
            self._backend,
            question=self._spool.question(),
            buckets=self._buckets,
            of_buckets=self._of_buckets,
        )
        earlier = await self._earlier.find(self._spool.lines, self._results)
        self._can_list = earlier.can_list
        there = [custom_id for custom_id in self.ledger.open if custom_id in self._results]
        self.ledger.submitted(there)
        for custom_id, amount in self.ledger.held(there, whatever=True).items():
            self.ledger.take_answer(custom_id, self._results.read(custom_id), amount)
        for batch, ids in earlier.running:
            self._fly(batch, ids, Dialect(), self.ledger.held(list(ids.values()), whatever=True))
        self._uploaded = await self._files_of_earlier_runs() if self.ledger.open else {}

    async def _files_of_earlier_runs(self) -> dict[str, tuple[str, int]]:
        """Return what an earlier run may have uploaded before it was ended."""
        try:
            return await self._api.files()
        except BatchCallFailed:
            return {}  # then it is uploaded anew, which costs nothing but time

    async def _submit_open(self) -> None:
        held = self.ledger.held(sorted(self.ledger.open))
        if not held and not self._flights:
            for custom_id in list(self.ledger.open):
                self._end(custom_id, BatchCallFailed(DescribeStatus.BUDGET, "max_cost_total is used up; nothing was asked"))
        for shard in shards(self.ledger.lines(held), self._backend):
            await self._submit(shard, {custom_id: held[custom_id] for custom_id in shard.ids})

    async def _submit(self, shard: Shard, held: Mapping[str, float]) -> None:
        metadata = {**self._earlier.metadata(shard.digest()), SUBMISSION: uuid.uuid4().hex}
        dialect = Dialect(set(self._dialect.left_out))
        try:
            file_id = await self._upload(shard, dialect)
            batch = await self._api.create(file_id, self._backend.completion_window, metadata, can_list=self._can_list)
        except BatchCallFailed as failed:
            self.ledger.submitted(shard.ids)
            self._end_lines(held, failed, spent=failed.is_unsure)
            return
        self._fly(batch, dict(enumerate(shard.ids, 1)), dialect, held)
        await asyncio.to_thread(self._notes.note, batch.id, shard.ids)

    async def _upload(self, shard: Shard, dialect: Dialect) -> str:
        path = await asyncio.to_thread(self._spool.write, shard, dialect)
        name = f"picsum-vision-{shard.digest(dialect)}.jsonl"
        file_id, size = self._uploaded.get(name, ("", -1))
        return file_id if size == path.stat().st_size else await self._api.upload(path, name)

    def _fly(self, batch: BatchTold, ids: Mapping[int, str], dialect: Dialect, held: Mapping[str, float]) -> None:
        self._flights[batch.id] = _Flight(ids, self._spool.request(1, dialect), held)
        self.ledger.submitted(list(ids.values()))

    async def _look(self) -> None:
        for batch_id, flight in list(self._flights.items()):
            await self._look_at(batch_id, flight)

    async def _look_at(self, batch_id: str, flight: _Flight) -> None:
        try:
            batch = await self._api.batch(batch_id)
        except BatchCallFailed as failed:
            # Any other failure may be gone at the next look; there is time until max_wait_s.
            if failed.status is DescribeStatus.AUTH or failed.is_not_there:
                del self._flights[batch_id]
                self._end_lines(flight.set_aside, failed, spent=True)
            return
        if batch.has_ended:
            del self._flights[batch_id]
            await self._collect(flight, batch)

    async def _collect(self, flight: _Flight, batch: BatchTold) -> None:
        if batch.status == "failed":
            self._take_invalid(flight, batch)
            return
        missing = set(flight.ids.values())

        def take(raw: bytes) -> None:
            custom_id = custom_id_of(raw)
            if custom_id in missing:
                missing.discard(custom_id)
                self._take_line(flight, custom_id, raw)

        try:
            for file_id in batch.result_file_ids:
                await self._api.read_lines(file_id, take)
        except BatchCallFailed as failed:
            message = f"the answers of {batch.id} could not be read ({failed.message}); a later run collects them"
            lost = {custom_id: flight.set_aside[custom_id] for custom_id in missing}
            self._end_lines(lost, BatchCallFailed(failed.status, message, failed.http_status), spent=True)
            return
        for custom_id in missing:
            self._take_failure(flight, custom_id, CANCELLED if batch.status == "cancelled" else NO_RESULT)

    def _take_line(self, flight: _Flight, custom_id: str, raw: bytes) -> None:
        result = read_result(raw)
        if result.is_paid:
            self._results.add(custom_id, raw)
            self.ledger.take_answer(custom_id, result, flight.set_aside[custom_id])
        else:
            self._take_failure(flight, custom_id, result)

    def _take_failure(self, flight: _Flight, custom_id: str, result: LineResult) -> None:
        said = result.body[:4_000].decode("utf-8", "replace")
        learnt = result.http_status in _REFUSES_A_FIELD and self._dialect.learn(flight.request, said)
        self.ledger.take_failure(custom_id, result, flight.set_aside[custom_id], asked_otherwise=learnt)

    def _take_invalid(self, flight: _Flight, batch: BatchTold) -> None:
        """Take in a file that failed its validation: nothing of it was asked."""
        if any(error.get("code") in _QUEUE_FULL for error in batch.errors):
            self._wait_for_queue(flight)
            return
        named = {error["line"]: error for error in batch.errors if isinstance(error.get("line"), int)}
        for number, custom_id in flight.ids.items():
            error = named.get(number) or next(iter(batch.errors), {"message": "the batch failed"})
            answer = read_refusal(400, json.dumps({"error": dict(error)}).encode())
            # The lines that are not named are innocent, and go into another file.
            self._take_failure(flight, custom_id, LineResult(None, answer, may_change=bool(named) and number not in named))

    def _wait_for_queue(self, flight: _Flight) -> None:
        """Come again when the endpoint has worked off more of what it holds."""
        for custom_id in flight.ids.values():
            self.ledger.not_taken(custom_id, flight.set_aside[custom_id])
        wait_s = min(_LONGEST_QUEUE_WAIT_S, self._backend.poll_interval_s * 2**self._queue_waits)
        self._queue_waits += 1
        self._not_before_s = asyncio.get_running_loop().time() + wait_s

    def _end_rest(self, failed: BatchCallFailed | None) -> None:
        """End whatever has no end yet: for a failure, or because the time is over."""
        for batch_id, flight in self._flights.items():
            late = f"{batch_id} is under way after {self._backend.max_wait_s:g} s (max_wait_s); a later run collects its answers"
            open_lines = {custom_id: flight.set_aside[custom_id] for custom_id in flight.ids.values()}
            self._end_lines(open_lines, failed or BatchCallFailed(DescribeStatus.TIMEOUT, late), spent=True)
        self._flights.clear()
        rest = failed or BatchCallFailed(DescribeStatus.TIMEOUT, "not submitted before max_wait_s was over")
        for custom_id in list(self.ledger.open):
            self._end(custom_id, rest)

    def _end_lines(self, set_aside: Mapping[str, float], failed: BatchCallFailed, *, spent: bool) -> None:
        for custom_id, amount in set_aside.items():
            self.ledger.settle_without_answer(amount, spent=spent)
            self._end(custom_id, failed)

    def _end(self, custom_id: str, failed: BatchCallFailed) -> None:
        self.ledger.end(custom_id, LineResult(failed.http_status, ChatAnswer(status=failed.status, message=failed.message)))
