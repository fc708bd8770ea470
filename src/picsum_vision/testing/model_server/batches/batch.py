"""One batch of the embedded model server: its file checked, its lines answered, its results written to files."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any, Final

from picsum_vision.testing.model_server.batches.faults import BatchFault, BatchFaultKind

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Mapping

    from picsum_vision.testing.model_server.batches.files import FileStore, StoredFile
    from picsum_vision.testing.model_server.chat import ChatModel
    from picsum_vision.testing.model_server.settings import ModelServerSettings
    from picsum_vision.testing.model_server.statistics import ModelStats

_ENDED: Final = frozenset({"completed", "failed", "expired", "cancelled"})
_WINDOW_S: Final = 86_400
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
            "endpoint": "/v1/chat/completions",
            "input_file_id": self._file.id,
            "completion_window": "24h",
            "status": self.status,
            "errors": {"object": "list", "data": self._errors} if self._errors else None,
            "output_file_id": self._output_ids.get("output"),
            "error_file_id": self._output_ids.get("error"),
            "expires_at": self._times["created_at"] + _WINDOW_S,
            "request_counts": self._counts,
            "metadata": self._metadata,
            **self._times,
        }

    async def work(self, settings: ModelServerSettings, model: ChatModel, store: FileStore, stats: ModelStats) -> None:
        """Go through all states."""
        for kind in self._faults:
            stats.note_fault(kind.value)
        lines = self._validated(settings)
        if self._errors:
            self._turn("failed")
            stats.note_batch_end("failed")
            return
        stats.note_lines(len(lines))
        self._counts["total"] = len(lines)
        if not self._cancelled.is_set():
            self._turn("in_progress")
        await self._pass(settings.batch_s)
        end = await self._answer(lines, model, store, stats)
        self._turn(end)
        stats.note_batch_end(end)

    async def _pass(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._cancelled.wait(), seconds)
        except asyncio.TimeoutError:
            return

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
                stats.note_line_answer(line["custom_id"])
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
            elif line.get("url") != "/v1/chat/completions":
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
