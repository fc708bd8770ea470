"""What stands of each of a task's questions: open, in a batch, answered or ended, with its attempts and its money."""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import datetime as dt
from collections.abc import Collection
from typing import Any

from picsum_vision.describing.batch_lines import Line, LineSpool
from picsum_vision.describing.batch_results import LineResult, ResultSpool
from picsum_vision.describing.spending import Spending, cost
from picsum_vision.describing.tasks import Task
from picsum_vision.describing.token_pace import TokenEstimate
from picsum_vision.describing.typed_answer import typed_answer
from picsum_vision.options import DescribeOptions
from picsum_vision.outcomes import DescribeOutcome, DescribeStatus


@dataclasses.dataclass(frozen=True, slots=True)
class Answered:
    """A row's answer, None where there is none, and its outcome."""

    answer: Any
    outcome: DescribeOutcome


class LineLedger:
    """Books of one task. Every line is in exactly one state; only `open` ones may be submitted."""

    def __init__(  # noqa: PLR0917 - all that a task has
        self, task: Task, model: str, options: DescribeOptions, share_of_total: float, spool: LineSpool, results: ResultSpool
    ) -> None:
        """Count in the prices of `options`."""
        self.open: set[str] = set()
        self._task = task
        self._model = model
        self._options = options
        self._spool = spool
        self._results = results
        self._estimate = TokenEstimate(options.max_output_tokens)
        self._spending = Spending(options, share_of_total)
        self._ended: dict[str, LineResult] = {}
        self._attempts: collections.Counter[str] = collections.Counter()
        self._elapsed_ms: dict[str, int] = {}
        self._began_s = 0.0

    def begin(self) -> None:
        """Open all lines, and start the clock of their outcomes."""
        self._began_s = asyncio.get_running_loop().time()
        self.open = set(self._spool.lines)

    def lines(self, ids: Collection[str]) -> list[Line]:
        """Return the lines with these ids."""
        return [self._spool.lines[custom_id] for custom_id in ids]

    def held(self, ids: Collection[str], *, whatever: bool = False) -> dict[str, float]:
        """Set money aside for the lines and return it, up to the first that the budget has no room for now.

        `whatever`: they are asked already, and the money is needed in any case.
        """
        amounts: dict[str, float] = {}
        for line in self.lines(ids):
            amount = self._spending.set_aside_at_once(*self._estimate.most(line.input_tokens), whatever=whatever)
            if amount is None:
                break
            amounts[line.custom_id] = amount
        return amounts

    def submitted(self, ids: Collection[str]) -> None:
        """Count an attempt for lines that are in a batch now."""
        self.open.difference_update(ids)
        self._attempts.update(ids)

    def take_answer(self, custom_id: str, result: LineResult, set_aside: float) -> None:
        """Take in an answer; where the endpoint does not say what it used, what was set aside is its price."""
        answer, spent = result.answer, set_aside
        if answer.input_tokens is not None and answer.output_tokens is not None:
            self._estimate.learn(self._spool.lines[custom_id].input_tokens, answer.input_tokens, answer.output_tokens)
            spent = cost(self._options, answer.input_tokens, answer.output_tokens) or 0.0
        self._spending.settle(set_aside, spent)
        self._note_time(custom_id)

    def take_failure(self, custom_id: str, result: LineResult, set_aside: float, *, asked_otherwise: bool = False) -> None:
        """Take in that a line was not answered; it is open again where asking once more, or `asked_otherwise`, can help."""
        self._spending.settle(set_aside, 0.0)
        if asked_otherwise or (result.may_change and self._attempts[custom_id] < self._options.max_attempts):
            self.open.add(custom_id)
        else:
            self.end(custom_id, result)

    def not_taken(self, custom_id: str, set_aside: float) -> None:
        """Open a line again whose batch was not even accepted: that was no attempt."""
        self._spending.settle(set_aside, 0.0)
        self._attempts[custom_id] -= 1
        self.open.add(custom_id)

    def settle_without_answer(self, set_aside: float, *, spent: bool) -> None:
        """Free what was set aside for a line; `spent`: it may have been answered all the same, and the money is gone."""
        self._spending.settle(set_aside, set_aside if spent else 0.0)

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
        return Answered(value, outcome)

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
