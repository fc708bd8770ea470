"""Describing as a stage of the bridge: what travels to a worker, and what it becomes there."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Hashable, Sequence
from typing import Any, Protocol

import pyarrow as pa

from picsum_vision.concurrency.byte_budget import ByteBudget
from picsum_vision.concurrency.job_run import JobRun
from picsum_vision.concurrency.loop_thread import LoopThread
from picsum_vision.describing.backends import WorkerBackend
from picsum_vision.describing.describer import Describer
from picsum_vision.describing.job import DescribeJob
from picsum_vision.describing.model_registry import ModelRegistry, sent_task, settled
from picsum_vision.describing.tasks import Task
from picsum_vision.options import DescribeOptions
from picsum_vision.outcomes import DescribeOutcome
from picsum_vision.spark.answer_columns import answer_type_of, arrow_type
from picsum_vision.spark.arrow_arrays import answer_array
from picsum_vision.spark.arrow_outcomes import DESCRIBE_OUTCOME_TYPE, describe_outcomes

DESCRIBE_OUTCOME_FIELD = pa.field("describe_outcome", DESCRIBE_OUTCOME_TYPE)
# Images are large and stand in Spark's batch already: only as many are unpacked as keep the window full.
_LOOK_AHEAD_WINDOWS = 2
_UNBOUNDED = 1 << 62


@dataclasses.dataclass(frozen=True, kw_only=True)
class DescribeStage:
    """What travels: who is asked, what, how, the output's name and type, and the task's share of the whole job's bounds."""

    backend: WorkerBackend
    task: Task
    options: DescribeOptions
    output_col: str
    share: float = 1.0
    share_of_total: float | None = None  # of max_cost_total; the same share if None
    registry: ModelRegistry | None = dataclasses.field(default=None, init=False)  # where PyFunc's models are

    def __post_init__(self) -> None:
        """Settle on the driver what can be known there; on a worker nothing is made, it is unpickled."""
        backend, registry = settled(self.backend)
        object.__setattr__(self, "backend", backend)
        object.__setattr__(self, "registry", registry)
        object.__setattr__(self, "task", sent_task(backend, self.task))

    @property
    def output_field(self) -> pa.Field:
        """The answer's column."""
        return pa.field(self.output_col, arrow_type(answer_type_of(self.task)))

    def open(self) -> OpenDescribeStage:
        """Bring it to life on a worker."""
        return OpenDescribeStage(self)

    def describer(self, loop_thread: LoopThread) -> Describer:
        """Open the backend on a worker."""
        if self.registry is not None:
            self.registry.use()
        return Describer(self.backend, self.task, self.options, loop_thread, share=self.share, share_of_total=self.share_of_total)


class OpenDescribeStage:
    """A task's descriptions."""

    def __init__(self, stage: DescribeStage) -> None:
        """Open the backend and an empty window."""
        loop_thread = LoopThread.current()
        self._stage = stage
        self._describer = stage.describer(loop_thread)
        self.run: JobRun[DescribeJob] = JobRun(
            loop_thread,
            slots=self._describer.slots,
            lane_state=self._describer.lane_state,
            budget=ByteBudget(_UNBOUNDED),
            look_ahead=_LOOK_AHEAD_WINDOWS * stage.options.max_in_flight_per_task,
        )

    def job(self, number: int, value: Any) -> DescribeJob:
        """Return the question about one image."""
        return self._describer.job(number, value)

    def key(self, value: Any) -> Hashable | None:
        """Return the picture's digest: the same picture is asked about once while its answer is at hand."""
        return content_key(value) if value and self._stage.options.deduplicate else None

    def columns(self, jobs: Sequence[DescribeJob], repeated: Sequence[bool]) -> list[tuple[pa.Field, pa.Array]]:
        """Return the answer and describe_outcome."""
        return answer_columns(self._stage.output_field, jobs, repeated)


def content_key(value: Any) -> Hashable:
    """Return what tells pictures apart by content: of one, of each of an array, or an address."""
    if isinstance(value, list):
        return tuple(content_key(image) if image else None for image in value)
    return value if isinstance(value, str) else hashlib.sha256(value).digest()


class Finished(Protocol):
    """A row's question that has come to its end."""

    @property
    def answer(self) -> Any:
        """The answer, None where there is none."""
        ...

    @property
    def outcome(self) -> DescribeOutcome | None:
        """What became of it."""
        ...


def answer_columns(field: pa.Field, jobs: Sequence[Finished | None], repeated: Sequence[bool]) -> list[tuple[pa.Field, pa.Array]]:
    """Return the answer, in a column like `field`, and its outcome; both are NULL for a question that was not finished."""
    outcomes = [None if job is None else row_outcome(job, again) for job, again in zip(jobs, repeated, strict=True)]
    return [
        (field, answer_array([None if job is None else job.answer for job in jobs], field.type)),
        (DESCRIBE_OUTCOME_FIELD, describe_outcomes(outcomes)),
    ]


def row_outcome(job: Finished, repeated: bool) -> DescribeOutcome | None:  # noqa: FBT001 - a row's fact, not a switch
    """Return a row's outcome, if there is one; a row that shares another one's answer asked nothing and paid nothing."""
    if job.outcome is None or not repeated:
        return job.outcome
    return dataclasses.replace(job.outcome, attempts=0, input_tokens=0, output_tokens=0, image_bytes_sent=0)
