"""The files and batches of an OpenAI-compatible endpoint over HTTP: one try after the other, at the endpoint's pace."""

from __future__ import annotations

import asyncio
import datetime as dt
import io
import itertools
import random
import time
import uuid
from collections.abc import Callable, Mapping
from json import dumps, loads
from pathlib import Path
from typing import Any, Final

from yarl import URL

from picsum_vision.concurrency.pace import Pace
from picsum_vision.concurrency.retry import RetryPolicy
from picsum_vision.describing.api_key import Authorization
from picsum_vision.describing.batch_lines import ENDPOINT
from picsum_vision.describing.batch_told import BatchCallFailed, BatchTold
from picsum_vision.describing.chat_answer import is_final, read_refusal
from picsum_vision.errors import EnvironmentProblem
from picsum_vision.options import DescribeOptions
from picsum_vision.outcomes import HTTP_SUCCESS, MODEL_CAN_CHANGE, DescribeStatus
from picsum_vision.transport.client import HttpClient, header_lines
from picsum_vision.transport.failures import MESSAGES, TransportFailure, translate
from picsum_vision.transport.lines_body import LinesBody
from picsum_vision.transport.origin import RequestTarget, request_target
from picsum_vision.transport.retry_after import retry_after_s
from picsum_vision.transport.whole_body import WholeBody

SUBMISSION: Final = "picsum_vision_submission"
_OK: Final = 200
_TOO_MANY: Final = 429
_BATCHES_A_PAGE: Final = 100
_FILES_A_PAGE: Final = 10_000
# Files that are sent more slowly than this, or take longer than an hour to come, are given up.
_SLOWEST_BYTES_PER_S: Final = 250_000
_IN_VAIN: Final = frozenset({TransportFailure.TLS, TransportFailure.INVALID_URL, TransportFailure.DNS})
_LONGEST_FILE_S: Final = 3_600.0
_PART_BYTES: Final = 262_144
# Lists are pages; what is longer is none.
_ANSWER_BYTES_AT_MOST: Final = 64_000_000


class BatchApi:
    """An endpoint's files and batches. The first of `roots` that has batches is the one that is used."""

    def __init__(
        self,
        http: HttpClient,
        roots: tuple[str, ...],
        headers: Mapping[str, str],
        options: DescribeOptions,
        pace: Pace,
        *,
        key: Authorization,
    ) -> None:
        """Ask with these headers, and with `key`, at this pace."""
        self._key = key
        self._http = http
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
                delay_s = await self._delay_s(failed, attempts, waited_s)
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

    async def read_lines(self, file_id: str, take: Callable[[bytes], None], anew: Callable[[], None] = lambda: None) -> None:
        """Give each line of a file to `take` as it comes; `anew` is called before the file is read from its start again."""
        attempts, waited_s = 0, 0.0
        while True:
            attempts += 1
            try:
                await self._read_lines_once(file_id, take)
            except BatchCallFailed as failed:
                waited_s += await self._repeated(failed, attempts, waited_s)
                anew()
            else:
                return

    async def _read_lines_once(self, file_id: str, take: Callable[[bytes], None]) -> None:
        sink = LinesBody(lambda line: take(self._key.redactor.body(line)), _ANSWER_BYTES_AT_MOST, self._options.request_timeout_s)
        await self._wait_for_turn()
        key_header = await self._fresh_key()
        headers = header_lines({**self._headers, **key_header})
        try:
            await self._http.get(self._target(f"/files/{file_id}/content"), headers, sink, _LONGEST_FILE_S)
        except Exception as error:  # translated; what is not the transport's is raised again
            raise _translated(error) from error
        if sink.status not in HTTP_SUCCESS:
            raise self._refusal(sink, key_header)

    async def _repeated(self, failed: BatchCallFailed, attempts: int, waited_s: float) -> float:
        """Wait before a call is made again and return how long it was, or raise its failure if it is not to be."""
        delay_s = await self._delay_s(failed, attempts, waited_s)
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
                waited_s += await self._repeated(failed, attempts, waited_s)

    async def _once(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        upload: tuple[Path, str] | None = None,
    ) -> dict[str, Any]:
        sink = WholeBody(_ANSWER_BYTES_AT_MOST)
        await self._wait_for_turn()
        key_header = await self._fresh_key()
        headers = {**self._headers, **key_header}
        try:
            if upload is not None:
                await self._send_file(self._target(path), headers, *upload, sink)
            elif method == "POST":
                lines = header_lines({**headers, "Content-Type": "application/json"})
                await self._http.post(self._target(path), lines, dumps(json).encode(), sink, self._options.request_timeout_s)
            else:
                target = self._target(path, params)
                await self._http.get(target, header_lines(headers), sink, self._options.request_timeout_s)
        except Exception as error:  # translated; what is not the transport's is raised again
            raise _translated(error) from error
        if sink.status not in HTTP_SUCCESS:
            raise self._refusal(sink, key_header)
        return _object(self._key.redactor.body(sink.body))

    async def _send_file(self, target: RequestTarget, fields: Mapping[str, str], path: Path, name: str, sink: WholeBody) -> None:
        mark = uuid.uuid4().hex
        headers = header_lines({**fields, "Content-Type": f"multipart/form-data; boundary={mark}"})
        before = (
            f'--{mark}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--{mark}\r\n'
            f'Content-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: application/jsonl\r\n\r\n'
        ).encode()
        after = f"\r\n--{mark}--\r\n".encode()
        with path.open("rb") as file:
            size = file.seek(0, io.SEEK_END)
            file.seek(0)
            left_s = self._options.request_timeout_s + size / _SLOWEST_BYTES_PER_S
            parts = itertools.chain([before], iter(lambda: file.read(_PART_BYTES), b""), [after])
            await self._http.post_parts(target, headers, parts, length=len(before) + size + len(after), sink=sink, left_s=left_s)

    def _target(self, path: str, params: Mapping[str, str] | None = None) -> RequestTarget:
        return request_target(URL(self._roots[0] + path).update_query(params or {}))

    async def _wait_for_turn(self) -> None:
        loop = asyncio.get_running_loop()
        while (wait_s := self._pace.wait_s(loop.time())) > 0:  # noqa: ASYNC110 - it is time that is waited for
            await asyncio.sleep(wait_s)
        self._pace.start(loop.time())

    async def _fresh_key(self) -> Mapping[str, str]:
        try:
            return await self._key.fresh()
        except EnvironmentProblem as problem:
            raise BatchCallFailed(DescribeStatus.AUTH, str(problem)) from problem

    async def _delay_s(self, failed: BatchCallFailed, attempts: int, waited_s: float) -> float | None:
        if await self._key.is_renewed(failed.http_status, failed.key_header):
            return 0.0
        if not failed.may_change:
            return None
        return self._retry.delay_s(attempts=attempts, waited_s=waited_s, asked_s=failed.asked_s, rng=self._rng)

    def _refusal(self, answer: WholeBody | LinesBody, key_header: Mapping[str, str]) -> BatchCallFailed:
        http_status = answer.status or 0
        body = self._key.redactor.body(answer.body)
        said = read_refusal(http_status, body)
        # Whoever says that there are too many requests has done nothing.
        is_unsure = http_status in MODEL_CAN_CHANGE and http_status != _TOO_MANY
        failed = BatchCallFailed(said.status, said.message or "", http_status, is_unsure=is_unsure)
        failed.asked_s = retry_after_s(answer.headers, dt.datetime.now(dt.timezone.utc))
        failed.may_change = http_status in MODEL_CAN_CHANGE and not is_final(said, body)
        failed.key_header = key_header
        return failed


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
        told = loads(body)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise BatchCallFailed(DescribeStatus.HTTP_ERROR, "the endpoint answered with what is no JSON object", _OK, is_unsure=True)
    return told


def _entries(page: Mapping[str, Any]) -> list[Any]:
    entries = page.get("data")
    return entries if isinstance(entries, list) else []
