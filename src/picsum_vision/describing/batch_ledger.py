"""What stands of each of a task's questions: open, in a batch, answered or ended, with its attempts and its money."""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import datetime as dt
import itertools
from collections.abc import Collection
from typing import Any, Final

from picsum_vision.describing.batch_lines import Line, LineSpool
from picsum_vision.describing.batch_results import LineResult, ResultSpool
from picsum_vision.describing.job_terms import JobTerms
from picsum_vision.describing.spending import Spending
from picsum_vision.describing.tasks import Task
from picsum_vision.describing.typed_answer import typed_answer
from picsum_vision.options import DescribeOptions
from picsum_vision.outcomes import DescribeOutcome, DescribeStatus

# A batch takes minutes to hours: the first line goes alone, then so many for each answer that has told its price.
_LINES_PER_ANSWER: Final = 8


@dataclasses.dataclass(frozen=True, slots=True)
class Answered:
    """A row's answer, None where there is none, its outcome, and what it may have cost of `max_cost_total`.

    `is_refused`: the endpoint would refuse every other row as well.
    """

    answer: Any
    outcome: DescribeOutcome
    spent: float = 0.0
    is_refused: bool = False


class LineLedger:
    """Books of one task. Every line is in exactly one state; only `open` ones may be submitted."""

    def __init__(  # noqa: PLR0917 - all that a task has
        self, task: Task, model: str, options: DescribeOptions, terms: JobTerms, spool: LineSpool, results: ResultSpool
    ) -> None:
        """Count in the prices of `options`."""
        self.open: set[str] = set()
        self._task = task
        self._model = model
        self._options = options
        self._spool = spool
        self._results = results
        self._spending = Spending(options, terms, in_flight_per_answer=_LINES_PER_ANSWER)
        self._spent: dict[str, float] = collections.defaultdict(float)
        self._ended: dict[str, LineResult] = {}
        self._attempts: collections.Counter[str] = collections.Counter()
        self._elapsed_ms: dict[str, int] = {}
        self._began_s = 0.0

    @property
    def dearest(self) -> float:
        """The worst price so far."""
        return self._spending.worst

    def begin(self) -> None:
        """Open all lines, and start the clock of their outcomes."""
        self._began_s = asyncio.get_running_loop().time()
        self.open = set(self._spool.lines)

    def lines(self, ids: Collection[str]) -> list[Line]:
        """Return the lines with these ids."""
        return [self._spool.lines[custom_id] for custom_id in ids]

    def reserved(self, ids: Collection[str]) -> list[str]:
        """Reserve money for the lines, and return those for which there is room now."""
        fits = self._spending.reserve_now
        return [line.custom_id for line in itertools.takewhile(lambda line: fits(line.input_tokens), self.lines(ids))]

    def reserve_sent(self, ids: Collection[str]) -> None:
        """Reserve money for lines that an earlier run has submitted."""
        for line in self.lines(ids):
            self._spending.reserve_now(line.input_tokens, is_sent=True)

    def submitted(self, ids: Collection[str]) -> None:
        """Count an attempt for lines that are in a batch now."""
        self.open.difference_update(ids)
        self._attempts.update(ids)

    def take_answer(self, custom_id: str, result: LineResult) -> None:
        """Take in an answer, and what it used where the endpoint says it."""
        answer = result.answer
        if answer.input_tokens is None or answer.output_tokens is None:
            self._spent[custom_id] += self._spending.settle_untold()
        else:
            used = answer.input_tokens, answer.output_tokens
            self._spent[custom_id] += self._spending.settle_told(self._spool.lines[custom_id].input_tokens, used)
        self._note_time(custom_id)

    def take_failure(self, custom_id: str, result: LineResult, *, asked_otherwise: bool = False) -> None:
        """Take in that a line was not answered; it is open again where asking once more, or `asked_otherwise`, can help."""
        self._spending.settle_failed(may_be_billed=False)
        if asked_otherwise or (result.may_change and self._attempts[custom_id] < self._options.max_attempts):
            self.open.add(custom_id)
        else:
            self.end(custom_id, result)

    def not_taken(self, custom_id: str) -> None:
        """Open a line again whose batch was not even accepted: that was no attempt."""
        self._spending.settle_failed(may_be_billed=False)
        self._attempts[custom_id] -= 1
        self.open.add(custom_id)

    def settle_without_answer(self, custom_id: str, *, may_be_billed: bool) -> None:
        """Free what was reserved for a line, unless it may have been answered all the same."""
        self._spent[custom_id] += self._spending.settle_failed(may_be_billed=may_be_billed)

    def end(self, custom_id: str, result: LineResult) -> None:
        """End a line without an answer."""
        self.open.discard(custom_id)
        self._ended[custom_id] = result
        self._note_time(custom_id)

    def answered(self, custom_id: str) -> Answered:
        """Return what became of a line."""
        result = self._results.read(custom_id) if custom_id in self._results else self._ended[custom_id]
        told, value = typed_answer(result.answer, self._task)
        attempts = self._attempts[custom_id]
        outcome = self.outcome(
            told.status,
            http_status=result.http_status,
            attempts=attempts,
            elapsed_ms=self._elapsed_ms.get(custom_id, 0),
            input_tokens=told.input_tokens,
            output_tokens=told.output_tokens,
            image_bytes_sent=self._spool.lines[custom_id].image_bytes if attempts else None,
            finish_reason=told.finish_reason,
            message=told.message,
        )
        return Answered(value, outcome, self._spent[custom_id])

    def outcome(self, status: DescribeStatus, **facts: Any) -> DescribeOutcome:
        """Return an outcome with what all rows have in common."""
        return DescribeOutcome(
            status=status,
            model=self._model,
            task=self._task.name,
            prompt_sha256=self._task.prompt_sha256,
            finished_at=dt.datetime.now(dt.timezone.utc),
            **facts,
        )

    def _note_time(self, custom_id: str) -> None:
        self._elapsed_ms[custom_id] = round(1000 * (asyncio.get_running_loop().time() - self._began_s))
