"""Whether anybody still reads the rows of this task, on a Spark worker.

A satisfied LIMIT, a cancelled job and a failed input all end the same way for a worker: the JVM closes the socket that it reads
the rows from, and says nothing. A worker that waits for its requests, not for that socket, would go on asking until it writes
again.

States: read -> gone, and it stays gone. Invariant: once the reader is gone, the bridge emits no row and ends its requests.
"""

from __future__ import annotations

import os
import select
import sys
from types import FrameType
from typing import Any, BinaryIO, Final

# Spark's own JVM shuts its end only when a task is over. Whatever stands between them on Databricks may shut the one direction
# after the last input while it still reads the other, so there only a lost connection counts.
_SHUT: Final = 0 if "DATABRICKS_RUNTIME_VERSION" in os.environ else getattr(select, "POLLRDHUP", 0)


class RowReaderGone(Exception):  # noqa: N818 - ends the worker's task quietly; nobody is left to see it
    """Nobody reads this task's rows any more."""


class RowReader:
    """The JVM at the other end of the worker's socket, as the file descriptor shows it."""

    def __init__(self, output: BinaryIO | None) -> None:
        """Watch the file that rows are written to; None for a reader that never goes."""
        self._output = output
        self._descriptor = None if output is None else _descriptor(output)
        self._poll: Any = None
        # Windows has no poll; its workers are ended by the JVM.
        if self._descriptor is not None and hasattr(select, "poll"):
            self._poll = select.poll()
            self._poll.register(self._descriptor, _SHUT)

    @classmethod
    def current(cls) -> RowReader:
        """Return the reader of the task that the calling thread works on; outside Spark's worker one that never goes."""
        frame: FrameType | None = sys._getframe()  # noqa: SLF001 - the worker's entry point is at the bottom of this thread's stack, and nowhere else
        while frame is not None:
            if frame.f_code.co_name == "main" and {"infile", "outfile"} <= set(frame.f_code.co_varnames):
                return cls(frame.f_locals.get("outfile"))
            frame = frame.f_back
        return cls(None)

    def is_gone(self) -> bool:
        """Return whether the other end is closed. Takes a microsecond and never waits."""
        return self._poll is not None and bool(self._poll.poll(0))

    def hand_over(self) -> None:
        """Let the reader have what was emitted: small rows would wait for others until the worker's 64 KiB are full."""
        if self._output is not None:
            self._output.flush()

    def let_go(self) -> None:
        """Let what is still to be written to a reader that is gone vanish, so that Spark's daemon prints no broken pipe."""
        if self._descriptor is None:
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._descriptor)
        os.close(nowhere)
        self._poll = None


def _descriptor(output: BinaryIO) -> int | None:
    try:
        return output.fileno()
    except (AttributeError, OSError, ValueError):
        return None  # a platform whose worker writes to something else
