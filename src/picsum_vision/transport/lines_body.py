"""A sink for files of lines: each line is handed on as soon as it is whole, and none is kept."""

from __future__ import annotations

from collections.abc import Callable

from picsum_vision.concurrency.deadline import DeadlinePassed
from picsum_vision.outcomes import HTTP_SUCCESS
from picsum_vision.transport.whole_body import WholeBody


class LinesBody(WholeBody):
    """Gives each line of a 2xx that is not blank to `take`; the body of any other answer is kept, up to `most` bytes.

    However long the file is, a standstill of `standstill_s` ends it with DeadlinePassed.
    """

    def __init__(self, take: Callable[[bytes], None], most: int, standstill_s: float) -> None:
        """Have read nothing yet."""
        super().__init__(most)
        self._take = take
        self._standstill_s = standstill_s
        self._line: list[bytes] = []
        self._has_moved = False
        self._moved_at_s = 0.0

    def _keep(self, plain: bytes) -> None:
        if self.status not in HTTP_SUCCESS:
            super()._keep(plain)
            return
        self._has_moved = True
        first, *others = plain.split(b"\n")
        self._line.append(first)
        for start in others:
            self._hand_on()
            self._line = [start]

    def look(self, seconds: float) -> None:
        """Notice a standstill."""
        if self._has_moved:
            self._has_moved, self._moved_at_s = False, seconds
        elif seconds - self._moved_at_s > self._standstill_s:
            raise DeadlinePassed

    def end(self) -> None:
        """Hand on a last line that has no line end."""
        super().end()
        self._hand_on()

    def _hand_on(self) -> None:
        line = b"".join(self._line)
        if line.strip():
            self._take(line)
