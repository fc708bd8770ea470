"""Counts Python calls and turns of the event loop in all threads, while it is on."""

from __future__ import annotations

import sys
import threading
from types import FrameType
from typing import Any, Final

_LOOP_TURN: Final = "_run_once"


class CallCounter:
    """Counts from `begin` to `end`. Threads that are to be counted must be started after it was made."""

    def __init__(self) -> None:
        """Watch this thread and those to come."""
        self.calls = self.loop_turns = 0
        self._is_on = False
        threading.setprofile(self._see)
        sys.setprofile(self._see)

    def begin(self) -> None:
        """Count anew."""
        self.calls = self.loop_turns = 0
        self._is_on = True

    def end(self) -> dict[str, int]:
        """Return what was counted."""
        self._is_on = False
        return {"python_calls": self.calls, "loop_turns": self.loop_turns}

    def _see(self, frame: FrameType, event: str, _: Any) -> None:
        # Two threads may count at once and lose one: a few of hundreds of thousands.
        if event == "call" and self._is_on:
            self.calls += 1
            if frame.f_code.co_name == _LOOP_TURN:
                self.loop_turns += 1
