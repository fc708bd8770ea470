"""Rows go through the bridge whole, once and in order, however the jobs finish."""

# ruff: noqa: D102, D107, ARG005 - helpers of tests say by their names what they are

from __future__ import annotations

import asyncio
import random
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picsum_vision.concurrency.byte_budget import ByteBudget
from picsum_vision.concurrency.job import NOTHING_LEARNT, Feedback, Lane, Turn
from picsum_vision.concurrency.job_run import JobRun
from picsum_vision.concurrency.limits import FixedLimit
from picsum_vision.concurrency.loop_thread import LoopThread
from picsum_vision.concurrency.scheduler import LaneState
from picsum_vision.spark.bridge import ArrowBridge

POOL = "work"


class EchoJob:
    """Holds as many bytes as its value says, in two parts, and takes as many turns of the loop as chance says."""

    def __init__(self, stage: EchoStage, number: int, value: int | None) -> None:
        self.number, self.value, self.held_bytes = number, value, 0
        self._stage = stage
        stage.made.append(self)
        self.turn: Turn | None = None if value is None else Turn(Lane(POOL, str(value % 2)))

    def let_go(self) -> int:
        held, self.held_bytes = self.held_bytes, 0
        return held

    async def step(self) -> Feedback:
        for _ in range(self._stage.rng.randrange(4)):
            await asyncio.sleep(0)
        assert self.value is not None
        for part in (self.value // 2, self.value - self.value // 2):
            try:
                await self._stage.budget.take(self.number, part)
            except Exception:  # noqa: BLE001 - NoRoom: come back
                self._stage.budget.give_back(self.number, self.held_bytes)
                self.held_bytes = 0
                self.turn = Turn(Lane(POOL, str(self.value % 2)))
                return NOTHING_LEARNT
            self.held_bytes += part
            self._stage.most_held = max(self._stage.most_held, self._stage.budget.held)
        self.turn = None
        return NOTHING_LEARNT


class EchoStage:
    """Gives each value back."""

    def __init__(
        self, *, capacity: int = 1_000_000, slots: int = 4, look_ahead: int = 7, shared: bool = False, seed: int = 0
    ) -> None:
        self.budget, self.rng, self.shared = ByteBudget(capacity), random.Random(seed), shared
        self.jobs = self.most_held = 0
        self.made: list[EchoJob] = []
        self.run: JobRun[Any] = JobRun(
            LoopThread.current(),
            slots={POOL: slots},
            lane_state=lambda lane: LaneState(FixedLimit(slots)),
            budget=self.budget,
            look_ahead=look_ahead,
            holding_pools=[POOL],
        )

    def job(self, number: int, value: Any) -> EchoJob:
        self.jobs += 1
        return EchoJob(self, number, value)

    def key(self, value: Any) -> Hashable | None:
        return value if self.shared else None

    def columns(self, jobs: Sequence[EchoJob], repeated: Sequence[bool]) -> list[tuple[pa.Field, pa.Array]]:
        return [
            (pa.field("echo", pa.int64()), pa.array([None if job.turn else job.value for job in jobs], pa.int64())),
            (pa.field("is_left", pa.bool_()), pa.array([job.turn is not None for job in jobs], pa.bool_())),
            (pa.field("repeated", pa.bool_()), pa.array(repeated, pa.bool_())),
        ]


def batches_of(sizes: list[list[int | None]]) -> Iterator[pa.RecordBatch]:
    row = 0
    for values in sizes:
        yield pa.RecordBatch.from_arrays(
            [pa.array(range(row, row + len(values)), pa.int64()), pa.array(values, pa.int64())], names=["row", "value"]
        )
        row += len(values)


some_batches = st.lists(st.lists(st.none() | st.integers(0, 60), max_size=30), max_size=8)


@settings(max_examples=40, deadline=None)
@given(sizes=some_batches, ordered=st.booleans(), shared=st.booleans(), capacity=st.integers(1, 200), seed=st.integers(0, 99))
def test_any_batches(sizes: list[list[int | None]], ordered: bool, shared: bool, capacity: int, seed: int) -> None:  # noqa: FBT001 - drawn
    """Every row leaves once with its own value, in order where asked, and the bytes held stay within the window and one row."""
    stage = EchoStage(capacity=capacity, shared=shared, seed=seed)
    out = list(ArrowBridge(stage, "value", ordered=ordered).process(batches_of(sizes)))
    rows = [row for batch in out for row in batch.to_pylist()]
    values = [value for batch in sizes for value in batch]
    assert [row["value"] for row in sorted(rows, key=lambda row: row["row"])] == values
    assert all(row["echo"] == row["value"] for row in rows)
    assert [row["row"] for row in (rows if ordered else sorted(rows, key=lambda row: row["row"]))] == list(range(len(values)))
    assert stage.most_held <= capacity + 60
    assert stage.jobs == sum(not row["repeated"] for row in rows)
    assert not any(job.held_bytes for job in stage.made)


@settings(max_examples=40, deadline=None)
@given(sizes=some_batches, shared=st.booleans(), stop_after_s=st.floats(0.0001, 0.02), seed=st.integers(0, 99))
def test_a_clock_that_ends_it_loses_no_row(sizes: list[list[int | None]], shared: bool, stop_after_s: float, seed: int) -> None:  # noqa: FBT001 - drawn
    """Ended by the clock at any moment, every row leaves once, finished or with NULL in what it has not got to."""
    stage = EchoStage(shared=shared, seed=seed)
    out = list(ArrowBridge(stage, "value").process(batches_of(sizes), stop_after_s))
    rows = sorted((row for batch in out for row in batch.to_pylist()), key=lambda row: row["row"])
    assert [row["value"] for row in rows] == [value for batch in sizes for value in batch]
    assert all(row["echo"] == (None if row["is_left"] is not False else row["value"]) for row in rows)
    assert not any(job.held_bytes for job in stage.made)


@pytest.mark.parametrize("ordered", [True, False])
def test_what_has_left_is_held_no_longer(ordered: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """While a consumer takes its time over a batch, the jobs of earlier batches hold nothing, though they finished together."""
    stage = EchoStage(capacity=200_000_000, slots=20, look_ahead=100)
    left = 0
    for batch in ArrowBridge(stage, "value", ordered=ordered).process(batches_of([[9_000_000] * 20])):
        assert sum(job.held_bytes > 0 for job in stage.made) <= 20 - left
        left += batch.num_rows
    assert left == 20


def test_duplicates_share_one_job() -> None:
    """The same value many times while it is on its way is one job, and all rows but one say that they are repeated."""
    stage = EchoStage(shared=True, look_ahead=1_000)
    rows = pa.Table.from_batches(ArrowBridge(stage, "value").process(batches_of([[7] * 500, [7] * 500])))
    assert rows.num_rows == 1_000
    assert rows["repeated"].to_pylist().count(False) == stage.jobs <= 2


def test_emitted_batches_are_bounded_in_bytes() -> None:
    """Rows with wide columns of their own leave in batches of at most 16 MB, however small what is added."""
    wide = pa.array([b"x" * 1_000_000] * 40, pa.binary())
    batch = pa.RecordBatch.from_arrays([pa.array(range(40), pa.int64()), wide], names=["value", "wide"])
    out = list(ArrowBridge(EchoStage(look_ahead=100), "value").process(iter([batch])))
    assert sum(one.num_rows for one in out) == 40
    assert max(one.nbytes for one in out) <= 17_000_000


def test_no_rows() -> None:
    """No batches, and batches without rows, are no rows."""
    assert list(ArrowBridge(EchoStage(), "value").process(iter([]))) == []
    assert list(ArrowBridge(EchoStage(), "value").process(batches_of([[], []]))) == []


def test_input_is_read_only_as_far_ahead_as_is_useful() -> None:
    """Before the first row leaves, no more is read of an endless input than a batch and what the window looks ahead."""
    read = 0

    def endless() -> Iterator[pa.RecordBatch]:
        nonlocal read
        while True:
            read += 1
            yield pa.RecordBatch.from_arrays([pa.array([1], pa.int64())], names=["value"])

    rows = ArrowBridge(EchoStage(look_ahead=10), "value").process(endless())
    next(rows)
    rows.close()
    assert read <= 2_000


def test_closing_ends_everything() -> None:
    """A consumer that stops early leaves no task on the loop."""
    rows = ArrowBridge(EchoStage(look_ahead=50), "value").process(batches_of([[10] * 1_000]))
    next(rows)
    rows.close()

    async def tasks() -> int:
        return len(asyncio.all_tasks()) - 1

    assert LoopThread.current().run(tasks()) == 0


def test_an_error_of_the_input_comes_through() -> None:
    """What the input raises is raised, and everything is closed."""

    def broken() -> Iterator[pa.RecordBatch]:
        yield from batches_of([[1, 2, 3]])
        raise OSError("the input broke")

    with pytest.raises(OSError, match="the input broke"):
        list(ArrowBridge(EchoStage(), "value").process(broken()))
