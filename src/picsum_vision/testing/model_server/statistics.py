"""What the embedded model server counts."""

from __future__ import annotations

import collections
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


class ModelStats:
    """Counts since the start or the last reset; GET /-/stats answers :meth:`as_dict`. Requests in flight stay counted."""

    def __init__(self) -> None:
        """Start at zero."""
        self.in_flight = 0
        self.reset()

    def reset(self) -> None:
        """Set every count back to zero."""
        self.peak_in_flight = self.in_flight
        self.requests = 0
        self.by_route: collections.Counter[str] = collections.Counter()
        self.by_status: collections.Counter[int] = collections.Counter()
        self.refused = 0
        self.faults: collections.Counter[str] = collections.Counter()
        self.answered_images: collections.Counter[str] = collections.Counter()
        self.tokens = {"prompt": 0, "completion": 0, "total": 0}
        self.bytes_received = 0
        self.files_uploaded = 0
        self.batches_created = 0
        self.batches_ended: collections.Counter[str] = collections.Counter()
        self.batch_lines = 0
        self.answered_lines: collections.Counter[str] = collections.Counter()
        self._first_begun_s: float | None = None
        self._last_ended_s: float | None = None

    def begin(self, route: str) -> None:
        """Count a request that came in; `route` must be one of a closed list."""
        self.requests += 1
        self.by_route[route] += 1
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)
        self._first_begun_s = time.monotonic() if self._first_begun_s is None else self._first_begun_s

    def end(self, status: int | None) -> None:
        """Count how a request ended; None: without any answer."""
        self.in_flight -= 1
        self._last_ended_s = time.monotonic()
        if status is not None:
            self.by_status[status] += 1

    def note_answer(self, image_sha256s: Iterable[str], prompt_tokens: int, completion_tokens: int) -> None:
        """Count an answer with status 200: what a provider would bill."""
        self.tokens["prompt"] += prompt_tokens
        self.tokens["completion"] += completion_tokens
        self.tokens["total"] += prompt_tokens + completion_tokens
        self.answered_images.update(image_sha256s)

    def as_dict(self) -> dict[str, Any]:
        """Return the counts, and the `seconds` from the first request that came in to the last answer, 0 before there is one."""
        counts = {name: count for name, count in vars(self).items() if not name.startswith("_")}
        begun_s, ended_s = self._first_begun_s, self._last_ended_s
        return {**counts, "seconds": 0.0 if begun_s is None or ended_s is None else max(0.0, ended_s - begun_s)}
