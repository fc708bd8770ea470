"""The embedded model server's batches: created from an uploaded file, worked off line by line, told, cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import time
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from picsum_vision.testing.model_server.batches.faults import BatchFault, BatchFaultKind
from picsum_vision.testing.model_server.batches.files import page
from picsum_vision.testing.model_server.errors import ApiError
from picsum_vision.testing.model_server.request import parse_json_object

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from picsum_vision.testing.model_server.app import Door
    from picsum_vision.testing.model_server.batches.faults import BatchFaultPlan
    from picsum_vision.testing.model_server.batches.files import FileStore, StoredFile
    from picsum_vision.testing.model_server.chat import ChatModel
    from picsum_vision.testing.model_server.settings import ModelServerSettings
    from picsum_vision.testing.model_server.statistics import ModelStats

_ENDPOINT: Final = "/v1/chat/completions"
_NORMAL_PAGE, _LARGEST_PAGE = 20, 100
_ENDED: Final = frozenset({"completed", "failed", "expired", "cancelled"})
_OK: Final = 200
_NOT_RUN: Final = {
    "batch_expired": "This request could not be executed before the completion window expired.",
    "batch_cancelled": "This request was not executed because the batch was cancelled.",
}


class Batch:
    """What the API tells of a batch, and the work behind it.

    States: validating -> failed, or in_progress -> finalizing -> completed | expired | cancelled.
    """

    def __init__(
        self,
        batch_id: str,
        file: StoredFile,
        metadata: dict[str, str] | None,
        faults: Mapping[BatchFaultKind, BatchFault],
        order: random.Random,
    ) -> None:
        """Wait for :meth:`work`."""
        self.id = batch_id
        self.status = "validating"
        self._file = file
        self._metadata = metadata
        self._faults = faults
        self._order = order
        self._times = {"created_at": int(time.time())}
        self._counts = {"total": 0, "completed": 0, "failed": 0}
        self._errors: list[dict[str, Any]] = []
        self._output_ids: dict[str, str] = {}
        self._cancelled = asyncio.Event()

    @property
    def has_ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.status in _ENDED

    def cancel(self) -> None:
        """Answer no further line."""
        self._turn("cancelling")
        self._cancelled.set()

    def as_object(self) -> dict[str, Any]:
        """Return it as the API shows it."""
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": _ENDPOINT,
            "input_file_id": self._file.id,
            "completion_window": "24h",
            "status": self.status,
            "errors": {"object": "list", "data": self._errors} if self._errors else None,
            "output_file_id": self._output_ids.get("output"),
            "error_file_id": self._output_ids.get("error"),
            "request_counts": self._counts,
            "metadata": self._metadata,
            **self._times,
        }

    async def work(self, settings: ModelServerSettings, model: ChatModel, store: FileStore, stats: ModelStats) -> None:
        """Go through all states."""
        lines = self._validated(settings)
        if self._errors:
            self._turn("failed")
            stats.batches_ended["failed"] += 1
            return
        stats.batch_lines += len(lines)
        self._counts["total"] = len(lines)
        if not self._cancelled.is_set():
            self._turn("in_progress")
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._cancelled.wait(), settings.batch_s)
        end = await self._answer(lines, model, store, stats)
        self._turn(end)
        stats.batches_ended[end] += 1

    async def _answer(self, lines: list[dict[str, Any]], model: ChatModel, store: FileStore, stats: ModelStats) -> str:
        """Answer the lines into the two files; return what the batch ends as."""
        expired = self._faults.get(BatchFaultKind.EXPIRED)
        until = len(lines) if expired is None else int(len(lines) * expired.done_share)
        answered: list[str] = []
        failed: list[str] = []
        for number, line in enumerate(lines):
            reason = "batch_cancelled" if self._cancelled.is_set() else "batch_expired" if number >= until else None
            if reason is not None:
                failed.append(_not_run(self.id, number, line["custom_id"], reason))
                continue
            status, body = await model.answer_line(line["body"])
            (answered if status == _OK else failed).append(_result(self.id, number, line["custom_id"], status, body))
            self._counts["completed" if status == _OK else "failed"] += 1
            if status == _OK:
                stats.answered_lines[line["custom_id"]] += 1
        if BatchFaultKind.SHUFFLED in self._faults:
            self._order.shuffle(answered)
        if not self._cancelled.is_set():
            self._turn("finalizing")
        self._write(store, "output", answered)
        self._write(store, "error", failed)
        return "cancelled" if self._cancelled.is_set() else "completed" if expired is None else "expired"

    def _write(self, store: FileStore, kind: str, results: list[str]) -> None:
        if results:
            path = store.new_path()
            path.write_text("".join(f"{line}\n" for line in results), encoding="utf-8")
            self._output_ids[kind] = store.add(path, f"{self.id}_{kind}.jsonl", "batch_output").id

    def _turn(self, status: str) -> None:
        self.status = status
        self._times[f"{status}_at"] = int(time.time())

    def _validated(self, settings: ModelServerSettings) -> list[dict[str, Any]]:
        """Return the file's lines; what is wrong with them goes into the errors."""
        if BatchFaultKind.QUEUE_FULL in self._faults:
            self._wrong("token_limit_exceeded", "Enqueued token limit reached for this model.")
            return []
        invalid = self._faults.get(BatchFaultKind.INVALID)
        if invalid is not None:
            self._wrong("invalid_request", "This line is said to be wrong.", invalid.line)
            return []
        try:
            with self._file.path.open(encoding="utf-8", errors="replace") as stream:
                lines = self._checked(stream)
        except FileNotFoundError:
            self._wrong("invalid_file", "The input file has been deleted.")
            return []
        if len(lines) > settings.max_batch_requests:
            self._wrong("too_many_requests", f"The file has more than {settings.max_batch_requests} requests.")
        if not lines and not self._errors:
            self._wrong("empty_file", "The file has no request.")
        return lines

    def _checked(self, stream: Iterable[str]) -> list[dict[str, Any]]:
        lines: list[dict[str, Any]] = []
        seen: set[str] = set()
        for number, text in enumerate(stream, 1):
            line = _parsed(text)
            if line is None or not isinstance(line.get("body"), dict) or line.get("method") != "POST":
                self._wrong("invalid_json_line", "This line is no request with custom_id, method, url and body.", number)
            elif line.get("url") != _ENDPOINT:
                self._wrong("mismatched_url", "The url of this line is not the endpoint of the batch.", number)
            elif not isinstance(line.get("custom_id"), str) or line["custom_id"] in seen:
                self._wrong("duplicate_custom_id", "The custom_id of this line is missing or not its own.", number)
            elif lines and lines[0]["body"].get("model") != line["body"].get("model"):
                self._wrong("mismatched_model", "The lines of a batch must ask one and the same model.", number)
            else:
                seen.add(line["custom_id"])
                lines.append(line)
        return lines

    def _wrong(self, code: str, message: str, line: int | None = None) -> None:
        self._errors.append({"code": code, "message": message, "param": None, "line": line})


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        line = json.loads(text)
    except ValueError:
        return None
    return line if isinstance(line, dict) else None


def _result(batch_id: str, number: int, custom_id: str, status: int, body: Any) -> str:
    name = f"{batch_id}_req_{number}"
    response = {"status_code": status, "request_id": f"req_{name}", "body": body}
    return json.dumps({"id": name, "custom_id": custom_id, "response": response, "error": None})


def _not_run(batch_id: str, number: int, custom_id: str, reason: str) -> str:
    error = {"code": reason, "message": _NOT_RUN[reason]}
    return json.dumps({"id": f"{batch_id}_req_{number}", "custom_id": custom_id, "response": None, "error": error})


class BatchRoutes:
    """`/batches` and what is below."""

    def __init__(  # noqa: PLR0917 - all that a server has
        self,
        settings: ModelServerSettings,
        model: ChatModel,
        store: FileStore,
        faults: BatchFaultPlan,
        stats: ModelStats,
        door: Door,
    ) -> None:
        """Answer lines with `model`, and keep what comes of them in `store`."""
        self._settings = settings
        self._model = model
        self._store = store
        self._faults = faults
        self._stats = stats
        self._door = door
        self._batches: dict[str, Batch] = {}
        self._working: set[asyncio.Task[None]] = set()
        self._numbers = itertools.count(1)

    def routes(self, prefixes: Sequence[str]) -> list[web.RouteDef]:
        """Return the routes of this group."""
        return [
            route
            for prefix in prefixes
            for route in (
                web.post(f"{prefix}/batches", self._create),
                web.get(f"{prefix}/batches", self._list),
                web.get(f"{prefix}/batches/{{id}}", self._retrieve),
                web.post(f"{prefix}/batches/{{id}}/cancel", self._cancel),
            )
        ]

    async def _create(self, request: web.Request) -> web.Response:
        body = parse_json_object(await self._door.read_body(request))
        self._faults.may_fail(BatchFaultKind.HTTP_ERROR, "batches.create")
        if (body.get("endpoint"), body.get("completion_window")) != (_ENDPOINT, "24h"):
            message = f"'endpoint' must be '{_ENDPOINT}', and 'completion_window' 24h."
            raise ApiError(400, message, param="endpoint", code="invalid_value")
        number = next(self._numbers)
        batch = Batch(
            f"batch_{number}",
            self._store.get(str(body.get("input_file_id"))),
            body.get("metadata"),
            self._faults.of_batch(),
            random.Random(self._settings.seed + number),  # noqa: S311 - a reproducible order, no secret
        )
        self._batches[batch.id] = batch
        self._stats.batches_created += 1
        work = asyncio.create_task(batch.work(self._settings, self._model, self._store, self._stats))
        self._working.add(work)
        work.add_done_callback(self._working.discard)
        self._faults.may_fail(BatchFaultKind.CREATED_UNSAID)
        return web.json_response(batch.as_object())

    async def _list(self, request: web.Request) -> web.Response:
        self._faults.may_fail(BatchFaultKind.HTTP_ERROR, "batches.list")
        newest_first = [batch.as_object() for batch in reversed(self._batches.values())]
        return page(request, newest_first, normal=_NORMAL_PAGE, most=_LARGEST_PAGE)

    async def _retrieve(self, request: web.Request) -> web.Response:
        self._faults.may_fail(BatchFaultKind.HTTP_ERROR, "batches.retrieve")
        batch = self._found(request)
        if batch.has_ended and self._faults.of_request(BatchFaultKind.STALE) is not None:
            stale = {"status": "in_progress", "output_file_id": None, "error_file_id": None}
            return web.json_response({**batch.as_object(), **stale})
        return web.json_response(batch.as_object())

    async def _cancel(self, request: web.Request) -> web.Response:
        batch = self._found(request)
        if batch.has_ended:
            raise ApiError(409, f"Cannot cancel a batch with status '{batch.status}'.")
        batch.cancel()
        return web.json_response(batch.as_object())

    def _found(self, request: web.Request) -> Batch:
        batch_id = request.match_info["id"]
        if batch_id not in self._batches:
            raise ApiError(404, f"No batch found with id '{batch_id}'.", param="id")
        return self._batches[batch_id]
