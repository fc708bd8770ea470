"""Counts Python calls, lines and turns of the event loop in all threads, while it is on.

Lines tell of loops that call nothing. What C does within a line is not seen.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

Trace = Callable[[FrameType, str, Any], Any]
_LOOP_TURN: Final = "_run_once"


class CallCounter:
    """Counts from `begin` to `end`. Threads that are to be counted must be started after it was made."""

    def __init__(self) -> None:
        """Watch this thread and those to come."""
        self.calls = self.lines = self.loop_turns = 0
        self._is_on = False
        threading.settrace(self._see)
        sys.settrace(self._see)

    def begin(self) -> None:
        """Count anew."""
        self.calls = self.lines = self.loop_turns = 0
        self._is_on = True

    def end(self) -> dict[str, int]:
        """Return what was counted."""
        self._is_on = False
        return {"python_calls": self.calls, "python_lines": self.lines, "loop_turns": self.loop_turns}

    def _see(self, frame: FrameType, event: str, _: Any) -> Trace:
        # Two threads may count at once and lose one: a few of hundreds of thousands.
        if not self._is_on:
            return self._see_line  # it may be on before this frame ends
        if event == "call":
            self.calls += 1
            if frame.f_code.co_name == _LOOP_TURN:
                self.loop_turns += 1
        return self._see_line

    def _see_line(self, _frame: FrameType, event: str, _: Any) -> Trace:
        if event == "line" and self._is_on:
            self.lines += 1
        return self._see_line
