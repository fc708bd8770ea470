"""What a batch endpoint answered to each line, kept on this machine's disk until the rows leave."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, Final

from picsum_vision.describing.chat_answer import ChatAnswer, error_message, is_final, read_refusal, read_success
from picsum_vision.outcomes import HTTP_SUCCESS, MODEL_CAN_CHANGE, DescribeStatus

_HTTP_STATUSES: Final = range(100, 600)
_EXPIRED: Final = "batch_expired"
_CANCELLED: Final = "batch_cancelled"


@dataclasses.dataclass(frozen=True, slots=True)
class LineResult:
    """What became of a line in one batch.

    `body` is a refusal's own; `may_change`: nothing was paid, and asking again can help.
    """

    http_status: int | None
    answer: ChatAnswer
    may_change: bool = False
    body: bytes = b""

    @property
    def is_paid(self) -> bool:
        """Whether the line was answered, whatever the answer is worth."""
        return self.http_status in HTTP_SUCCESS


NO_RESULT: Final = LineResult(
    None, ChatAnswer(status=DescribeStatus.TIMEOUT, message="not answered within the batch's completion window"), may_change=True
)

CANCELLED: Final = LineResult(
    None, ChatAnswer(status=DescribeStatus.TIMEOUT, message="the batch was cancelled before this row's turn")
)


def custom_id_of(raw: bytes) -> str | None:
    """Return whose line of a file it is; None for what is no such line."""
    try:
        told = json.loads(raw)["custom_id"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return told if isinstance(told, str) else None


def read_result(raw: bytes) -> LineResult:
    """Read a line of an output or error file."""
    line = json.loads(raw)
    response = line.get("response")
    status = response.get("status_code") if isinstance(response, dict) else None
    # True is an integer, and in no such range.
    if not isinstance(response, dict) or not isinstance(status, int) or status not in _HTTP_STATUSES:
        return _not_run(line.get("error"))
    told = response.get("body")
    body = told.encode("utf-8", "replace") if isinstance(told, str) else json.dumps(told).encode()
    status, answer = read_success(status, body) if status in HTTP_SUCCESS else (status, read_refusal(status, body))
    if status in HTTP_SUCCESS:
        return LineResult(status, answer)
    return LineResult(status, answer, may_change=status in MODEL_CAN_CHANGE and not is_final(answer, body), body=body)


def _not_run(error: Any) -> LineResult:
    code = error.get("code") if isinstance(error, dict) else None
    if code == _EXPIRED:
        return NO_RESULT
    if code == _CANCELLED:
        return CANCELLED
    message = error_message(json.dumps({"error": error}).encode()) or "the endpoint could not run this line"
    return LineResult(None, ChatAnswer(status=DescribeStatus.HTTP_ERROR, message=message), may_change=True)


class ResultSpool:
    """Answered lines in a file; in memory are only their places. The first answer to a line stays."""

    def __init__(self, folder: Path) -> None:
        """Write into `folder`."""
        self._stream = (folder / "results").open("w+b")
        self._places: dict[str, tuple[int, int]] = {}
        self._end = 0

    def __contains__(self, custom_id: str) -> bool:
        """Say whether the line is answered."""
        return custom_id in self._places

    def add(self, custom_id: str, raw: bytes) -> None:
        """Keep an answered line as it came."""
        if custom_id not in self._places:
            self._stream.seek(self._end)
            self._places[custom_id] = (self._end, len(raw))
            self._end += self._stream.write(raw)

    def read(self, custom_id: str) -> LineResult:
        """Return what the line was answered."""
        offset, length = self._places[custom_id]
        self._stream.seek(offset)
        return read_result(self._stream.read(length))

    def close(self) -> None:
        """Close the file; whoever made the folder removes it."""
        self._stream.close()
