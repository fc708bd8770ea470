"""The files and batches of an OpenAI-compatible endpoint over HTTP: one try after the other, at the endpoint's pace."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime as dt
import json
import random
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp

from picsum_vision.concurrency.deadline import Deadline
from picsum_vision.concurrency.pace import Pace
from picsum_vision.concurrency.retry import RetryPolicy
from picsum_vision.describing.batch_lines import ENDPOINT
from picsum_vision.describing.chat_answer import read_refusal
from picsum_vision.options import DescribeOptions
from picsum_vision.outcomes import HTTP_CAN_CHANGE, DescribeStatus
from picsum_vision.transport.failures import MESSAGES, TransportFailure, translate
from picsum_vision.transport.retry_after import retry_after_s

SUBMISSION: Final = "picsum_vision_submission"
_OK: Final = 200
_TOO_MANY: Final = 429
_NOT_THERE: Final = (404, 405, 410, 501)
_BATCHES_A_PAGE: Final = 100
_FILES_A_PAGE: Final = 10_000
# Files that are sent or come more slowly than this are given up.
_SLOWEST_BYTES_PER_S: Final = 250_000
_IN_VAIN: Final = frozenset({TransportFailure.TLS, TransportFailure.INVALID_URL, TransportFailure.DNS})
_ENDED: Final = frozenset({"completed", "failed", "expired", "cancelled"})


class BatchCallFailed(Exception):  # noqa: N818 - becomes the outcome of the rows that hang on it
    """A call that failed for good. `is_unsure`: the endpoint may have done what it was asked for all the same."""

    def __init__(self, status: DescribeStatus, message: str, http_status: int | None = None, *, is_unsure: bool = False) -> None:
        """Say what the rows' outcome will say."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.http_status = http_status
        self.is_unsure = is_unsure
        self.asked_s: float | None = None
        self.may_change = False

    @property
    def is_not_there(self) -> bool:
        """Whether the endpoint has no such route or thing."""
        return self.http_status in _NOT_THERE


@dataclasses.dataclass(frozen=True, kw_only=True)
class BatchTold:
    """A batch as the endpoint tells of it."""

    id: str
    status: str
    created_at: float
    input_file_id: str | None
    result_file_ids: tuple[str, ...]
    metadata: Mapping[str, str]
    errors: tuple[Mapping[str, Any], ...]

    @property
    def has_ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.status in _ENDED

    @classmethod
    def read(cls, told: Any) -> BatchTold:
        """Read one; raises BatchCallFailed for what is none."""
        try:
            errors = (told.get("errors") or {}).get("data") or []
            return cls(
                id=str(told["id"]),
                status=str(told["status"]),
                created_at=float(told.get("created_at") or 0),
                input_file_id=told.get("input_file_id"),
                result_file_ids=tuple(told[name] for name in ("output_file_id", "error_file_id") if told.get(name)),
                metadata=told.get("metadata") or {},
                errors=tuple(error for error in errors if isinstance(error, dict)),
            )
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise BatchCallFailed(
                DescribeStatus.HTTP_ERROR, "the endpoint told of a batch in no form that is known", _OK
            ) from error


class BatchApi:
    """An endpoint's files and batches. The first of `roots` that has batches is the one that is used."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        roots: tuple[str, ...],
        headers: Mapping[str, str],
        options: DescribeOptions,
        pace: Pace,
    ) -> None:
        """Ask with these headers, at this pace."""
        self._session = session
        self._roots = list(roots)
        self._headers = headers
        self._options = options
        self._pace = pace
        self._retry = RetryPolicy(max_attempts=options.max_attempts, max_wait_s=options.max_retry_wait_s)
        self._rng = random.Random()  # noqa: S311 - jitter, no secret

    async def batches(self, since: float) -> list[BatchTold]:
        """Return the batches that were created at or after `since` (Unix time), all pages of them."""
        found: list[BatchTold] = []
        query = {"limit": str(_BATCHES_A_PAGE)}
        while True:
            page = await self._first_page_somewhere(query) if not found else await self._json("GET", "/batches", params=query)
            batches = [BatchTold.read(told) for told in _entries(page)]
            found += batches
            if not batches or not page.get("has_more") or all(batch.created_at < since for batch in batches):
                return [batch for batch in found if batch.created_at >= since]
            query["after"] = batches[-1].id

    async def batch(self, batch_id: str) -> BatchTold:
        """Return how a batch stands."""
        return BatchTold.read(await self._json("GET", f"/batches/{batch_id}"))

    async def create(self, file_id: str, window: str, metadata: Mapping[str, str], *, can_list: bool) -> BatchTold:
        """Create a batch, once. Where the answer does not come, the list says whether it was created.

        `metadata` has under SUBMISSION what no other call has. Raises BatchCallFailed.
        """
        body = {"input_file_id": file_id, "endpoint": ENDPOINT, "completion_window": window, "metadata": dict(metadata)}
        since, attempts, waited_s = time.time() - 3_600, 0, 0.0
        while True:
            attempts += 1
            try:
                return BatchTold.read(await self._once("POST", "/batches", json=body))
            except BatchCallFailed as failed:
                delay_s = self._delay_s(failed, attempts, waited_s)
                if failed.is_unsure:
                    if not can_list:
                        raise
                    await asyncio.sleep(delay_s or 0.0)
                    created = [
                        batch for batch in await self.batches(since) if batch.metadata.get(SUBMISSION) == metadata[SUBMISSION]
                    ]
                    if created:
                        return created[0]
                elif delay_s is not None:
                    await asyncio.sleep(delay_s)
                if delay_s is None:
                    raise
                waited_s += delay_s

    async def files(self) -> dict[str, tuple[str, int]]:
        """Return id and bytes of each batch file by its name."""
        found: dict[str, tuple[str, int]] = {}
        query = {"purpose": "batch", "limit": str(_FILES_A_PAGE)}
        while True:
            page = await self._json("GET", "/files", params=query)
            files = [file for file in _entries(page) if isinstance(file, dict) and "id" in file]
            found.update({str(file.get("filename")): (str(file["id"]), int(file.get("bytes") or 0)) for file in files})
            if not files or not page.get("has_more"):
                return found
            query["after"] = str(files[-1]["id"])

    async def upload(self, path: Path, name: str) -> str:
        """Upload a batch file and return its id."""
        told = await self._json("POST", "/files", upload=(path, name))
        if not isinstance(told.get("id"), str):
            raise BatchCallFailed(DescribeStatus.HTTP_ERROR, "the endpoint took a file and gave it no id", _OK)
        return str(told["id"])

    async def lines(self, file_id: str) -> AsyncIterator[bytes]:
        """Yield the lines of a file as they come. Raises BatchCallFailed, also in the middle."""
        rest = b""
        await self._wait_for_turn()
        try:
            async with self._asked("GET", f"/files/{file_id}/content", read_timeout=True) as answer:
                await self._check(answer)
                async for chunk in answer.content.iter_any():
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in lines:
                        if line.strip():
                            yield line
        except Exception as error:
            raise _translated(error) from error
        if rest.strip():
            yield rest

    async def repeated(self, failed: BatchCallFailed, attempts: int, waited_s: float) -> float:
        """Wait before a call is made again and return how long it was, or raise its failure if it is not to be."""
        delay_s = self._delay_s(failed, attempts, waited_s)
        if delay_s is None:
            raise failed
        await asyncio.sleep(delay_s)
        return delay_s

    async def _first_page_somewhere(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Return the list's first page from the first address that has one, and forget the others."""
        try:
            return await self._json("GET", "/batches", params=query)
        except BatchCallFailed as failed:
            if not failed.is_not_there or len(self._roots) == 1:
                raise
        del self._roots[0]
        return await self._first_page_somewhere(query)

    async def _json(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, upload: tuple[Path, str] | None = None
    ) -> dict[str, Any]:
        """Call what may be called twice, as often as the options allow."""
        attempts, waited_s = 0, 0.0
        while True:
            attempts += 1
            try:
                return await self._once(method, path, params=params, upload=upload)
            except BatchCallFailed as failed:
                waited_s += await self.repeated(failed, attempts, waited_s)

    async def _once(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        upload: tuple[Path, str] | None = None,
    ) -> dict[str, Any]:
        seconds = self._options.request_timeout_s
        await self._wait_for_turn()
        try:
            with contextlib.ExitStack() as opened:
                form = None
                if upload is not None:
                    path_of_file, name = upload
                    seconds += path_of_file.stat().st_size / _SLOWEST_BYTES_PER_S
                    form = aiohttp.FormData()
                    form.add_field("purpose", "batch")
                    file = opened.enter_context(path_of_file.open("rb"))
                    form.add_field("file", file, filename=name, content_type="application/jsonl")
                async with Deadline(seconds), self._asked(method, path, params=params, json=json, data=form) as answer:
                    body = await answer.read()
        except Exception as error:
            raise _translated(error) from error
        if answer.status != _OK:
            raise self._refusal(answer, body)
        return _object(body)

    @contextlib.asynccontextmanager
    async def _asked(
        self, method: str, path: str, *, read_timeout: bool = False, **what: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        if read_timeout:  # a whole file may take its time, a standstill may not
            what["timeout"] = aiohttp.ClientTimeout(
                total=None, sock_connect=self._options.request_timeout_s, sock_read=self._options.request_timeout_s
            )
        async with self._session.request(
            method, self._roots[0] + path, headers=self._headers, allow_redirects=False, **what
        ) as answer:
            yield answer

    async def _wait_for_turn(self) -> None:
        loop = asyncio.get_running_loop()
        while (wait_s := self._pace.wait_s(loop.time())) > 0:  # noqa: ASYNC110 - it is time that is waited for
            await asyncio.sleep(wait_s)
        self._pace.start(loop.time())

    async def _check(self, answer: aiohttp.ClientResponse) -> None:
        if answer.status != _OK:
            raise self._refusal(answer, await answer.read())

    @staticmethod
    def _refusal(answer: aiohttp.ClientResponse, body: bytes) -> BatchCallFailed:
        said = read_refusal(answer.status, body)
        # Whoever says that there are too many requests has done nothing.
        is_unsure = answer.status in HTTP_CAN_CHANGE and answer.status != _TOO_MANY
        failed = BatchCallFailed(said.status, said.message or "", answer.status, is_unsure=is_unsure)
        failed.asked_s = retry_after_s(answer.headers, dt.datetime.now(dt.timezone.utc))
        failed.may_change = answer.status in HTTP_CAN_CHANGE and said.status not in (DescribeStatus.REFUSED, DescribeStatus.AUTH)
        return failed

    def _delay_s(self, failed: BatchCallFailed, attempts: int, waited_s: float) -> float | None:
        if not failed.may_change:
            return None
        return self._retry.delay_s(attempts=attempts, waited_s=waited_s, asked_s=failed.asked_s, rng=self._rng)


def _translated(error: Exception) -> BatchCallFailed:
    """Return the transport's failure in our words; what is none of its is raised again."""
    if isinstance(error, BatchCallFailed):
        return error
    failure = translate(error)
    if failure is None:
        raise error
    word = DescribeStatus.TIMEOUT if failure is TransportFailure.TIMEOUT else DescribeStatus.CONNECT
    failed = BatchCallFailed(word, MESSAGES[failure], is_unsure=True)
    failed.may_change = failure not in _IN_VAIN
    return failed


def _object(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise BatchCallFailed(
            DescribeStatus.HTTP_ERROR, "the endpoint answered 200 with what is no JSON object", _OK, is_unsure=True
        )
    return told


def _entries(page: Mapping[str, Any]) -> list[Any]:
    entries = page.get("data")
    return entries if isinstance(entries, list) else []
