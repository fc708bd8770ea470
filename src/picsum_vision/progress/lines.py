"""Progress as plain lines, for logs: each step's, and fewer and fewer of the looks in between."""

from __future__ import annotations

import sys
import time
from typing import Final, TextIO

from picsum_vision.run_progress import ProgressEvent

_FIRST_S: Final = 10.0
_LAST_S: Final = 300.0
_SHARE: Final = 0.15


class ProgressLines:
    """Writes a line for every message, and a look in between after 10 s and then after each seventh of the time so far."""

    look_every_s = 1.0

    def __init__(self, stream: TextIO | None = None) -> None:
        """Write to `stream`, the standard error of the moment if None."""
        self._stream = stream
        self._next_s = _FIRST_S
        self._began_s = time.monotonic()

    def write(self, words: str) -> None:
        """Write a line with the seconds since this was made."""
        print(f"[{time.monotonic() - self._began_s:6.1f} s] {words}", file=self._stream or sys.stderr, flush=True)

    def __call__(self, event: ProgressEvent) -> None:
        """Write the event, if it is worth a line."""
        if not event.message:
            if event.elapsed_s < self._next_s or event.rows_total is None:
                return
            self._next_s = event.elapsed_s + min(max(_FIRST_S, event.elapsed_s * _SHARE), _LAST_S)
        self.write(str(event))
