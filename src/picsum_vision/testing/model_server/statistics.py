"""What the embedded model server counts."""

from __future__ import annotations

import collections
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


class ModelStats:
    """Counts since the start or the last reset. Requests in flight stay counted over a reset."""

    def __init__(self) -> None:
        """Start at zero."""
        self._in_flight = 0
        self.reset()

    def reset(self) -> None:
        """Set every count back to zero."""
        self._requests = 0
        self._by_route: collections.Counter[str] = collections.Counter()
        self._by_status: collections.Counter[str] = collections.Counter()
        self._refused = 0
        self._faults: collections.Counter[str] = collections.Counter()
        self._images: collections.Counter[str] = collections.Counter()
        self._tokens = {"prompt": 0, "completion": 0}
        self._bytes_received = 0
        self._files_uploaded = 0
        self._batches_created = 0
        self._batches_ended: collections.Counter[str] = collections.Counter()
        self._lines = 0
        self._answered_lines: collections.Counter[str] = collections.Counter()
        self._peak_in_flight = self._in_flight
        self._first_begun_s: float | None = None
        self._last_ended_s: float | None = None

    def begin(self, route: str) -> None:
        """Count a request that came in; `route` must be one of a closed list."""
        self._requests += 1
        self._by_route[route] += 1
        self._in_flight += 1
        self._first_begun_s = time.monotonic() if self._first_begun_s is None else self._first_begun_s
        self._peak_in_flight = max(self._peak_in_flight, self._in_flight)

    def end(self, status: int | None) -> None:
        """Count how a request ended; None: without any answer."""
        self._in_flight -= 1
        self._last_ended_s = time.monotonic()
        if status is not None:
            self._by_status[str(status)] += 1

    def note_bytes(self, count: int) -> None:
        """Count the bytes of a body that was read."""
        self._bytes_received += count

    def note_refused(self) -> None:
        """Count a request that was over a limit."""
        self._refused += 1

    def note_fault(self, kind: str) -> None:
        """Count a request that a fault hit."""
        self._faults[kind] += 1

    def note_answer(self, image_sha256s: Iterable[str], prompt_tokens: int, completion_tokens: int) -> None:
        """Count an answer with status 200: what a provider would bill."""
        self._tokens["prompt"] += prompt_tokens
        self._tokens["completion"] += completion_tokens
        self._images.update(image_sha256s)

    def note_upload(self) -> None:
        """Count a file that was uploaded whole."""
        self._files_uploaded += 1

    def note_batch(self) -> None:
        """Count a batch that was created."""
        self._batches_created += 1

    def note_lines(self, count: int) -> None:
        """Count the lines of a batch that passed its validation."""
        self._lines += count

    def note_batch_end(self, status: str) -> None:
        """Count how a batch ended."""
        self._batches_ended[status] += 1

    def note_line_answer(self, custom_id: str) -> None:
        """Count an answer to a line of a batch: what a provider would bill."""
        self._answered_lines[custom_id] += 1

    @property
    def _seconds(self) -> float:
        """The seconds from the first request that came in to the last answer, 0 before there is one."""
        if self._first_begun_s is None or self._last_ended_s is None:
            return 0.0
        return max(0.0, self._last_ended_s - self._first_begun_s)

    def as_dict(self) -> dict[str, Any]:
        """Return the counts as plain values; the field names are what GET /-/stats answers."""
        return {
            "requests": self._requests,
            "by_route": dict(self._by_route),
            "by_status": dict(self._by_status),
            "in_flight": self._in_flight,
            "peak_in_flight": self._peak_in_flight,
            "seconds": self._seconds,
            "refused": self._refused,
            "faults": dict(self._faults),
            "answered_images": dict(self._images),
            "tokens": {**self._tokens, "total": sum(self._tokens.values())},
            "bytes_received": self._bytes_received,
            "files_uploaded": self._files_uploaded,
            "batches_created": self._batches_created,
            "batches_ended": dict(self._batches_ended),
            "batch_lines": self._lines,
            "answered_lines": dict(self._answered_lines),
        }
