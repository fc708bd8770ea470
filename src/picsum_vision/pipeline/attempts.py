"""Whether a row may have come twice: where Spark has run a task again, what its first attempt had handed on comes once more."""

from __future__ import annotations

from collections.abc import Iterable


class Attempts:
    """The attempts of tasks that have read the rows of a run, as the rows' marks say: RELAY/LEG/PARTITION/ATTEMPT."""

    def __init__(self) -> None:
        """Know of none."""
        self._of_task: dict[str, str] = {}
        self.any_twice = False  # whether two attempts of one task have both brought rows; from then on for good

    def look(self, marks: Iterable[str]) -> None:
        """Take in the marks of a pass's rows."""
        for mark in marks:
            task, _, attempt = mark.rpartition("/")
            self.any_twice = self.any_twice or self._of_task.setdefault(task, attempt) != attempt
