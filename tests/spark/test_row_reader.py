"""A worker notices that nobody reads its rows any more: the end of a LIMIT, of a cancelled job, of a killed task."""

# ruff: noqa: D102, D107 - helpers of tests say by their names what they are

from __future__ import annotations

import asyncio
import os
import select
import socket
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, BinaryIO

import pyarrow as pa
import pytest

from picsum_vision.concurrency.byte_budget import ByteBudget
from picsum_vision.concurrency.job import NOTHING_LEARNT, Feedback, Lane, Turn
from picsum_vision.concurrency.job_run import JobRun
from picsum_vision.concurrency.limits import FixedLimit
from picsum_vision.concurrency.loop_thread import LoopThread
from picsum_vision.concurrency.scheduler import LaneState
from picsum_vision.spark.bridge import ArrowBridge
from picsum_vision.spark.row_reader import RowReader, RowReaderGone

pytestmark = pytest.mark.skipif(not hasattr(select, "poll"), reason="this system has no poll")


@pytest.fixture(params=["tcp", "unix"])
def ends(request: pytest.FixtureRequest) -> Iterator[tuple[BinaryIO, socket.socket]]:
    """Give the file that a worker writes to, and the socket that the JVM reads from."""
    if request.param == "unix":
        here, there = socket.socketpair()
    else:
        listener = socket.create_server(("127.0.0.1", 0))
        here = socket.create_connection(listener.getsockname())
        there, _ = listener.accept()
        listener.close()
    there.settimeout(10)
    with here, there, os.fdopen(os.dup(here.fileno()), "wb", 65_536) as output:
        yield output, there


def main(infile: Any, outfile: Any, work: Callable[[], Any]) -> Any:
    """Stand at the bottom of the stack as the entry point of Spark's worker does."""
    return work()


def test_outside_a_worker_the_reader_never_goes() -> None:
    """Where there is no worker's socket nothing is watched, and nothing written."""
    reader = RowReader.current()
    reader.hand_over()
    reader.let_go()
    assert not reader.is_gone()


def test_an_output_that_is_no_socket_is_not_watched() -> None:
    """Where the worker writes to something without a descriptor, its reader never goes."""
    import io

    assert not main(None, io.BytesIO(), RowReader.current).is_gone()


def test_a_closed_socket_is_noticed(ends: tuple[BinaryIO, socket.socket]) -> None:
    """A reader is there as long as its socket is open, unread rows or not, and gone once it is closed."""
    output, there = ends
    reader = main(None, output, RowReader.current)
    output.write(b"rows")
    assert not reader.is_gone()
    reader.hand_over()
    assert there.recv(10) == b"rows"
    there.sendall(b"input that nobody has read")
    assert not reader.is_gone()
    there.close()
    assert reader.is_gone()


def test_what_a_gone_reader_would_get_vanishes(ends: tuple[BinaryIO, socket.socket]) -> None:
    """After let_go a worker can write and flush as before, however often, and no broken pipe shows."""
    output, there = ends
    reader = main(None, output, RowReader.current)
    there.close()
    reader.let_go()
    for _ in range(3):
        output.write(b"x" * 100_000)
        output.flush()


class HangingStage:
    """Rows with an even value are done at once, the others never."""

    def __init__(self) -> None:
        self.cancelled = 0
        budget = ByteBudget(1_000)
        self.run: JobRun[Any] = JobRun(
            LoopThread.current(), slots={"p": 9}, lane_state=lambda _: LaneState(FixedLimit(9)), budget=budget, look_ahead=100
        )

    def job(self, number: int, value: int) -> HangingJob:
        return HangingJob(self, number, value)

    def key(self, value: Any) -> Hashable | None:
        del value
        return None

    def columns(self, jobs: Sequence[HangingJob], repeated: Sequence[bool]) -> list[tuple[pa.Field, pa.Array]]:
        del repeated
        return [(pa.field("number", pa.int64()), pa.array([job.number for job in jobs], pa.int64()))]


class HangingJob:
    """Waits for ever if its value is odd."""

    held_bytes = 0

    def __init__(self, stage: HangingStage, number: int, value: int) -> None:
        self.number, self._value, self._stage = number, value, stage
        self.turn: Turn | None = Turn(Lane("p", "host"))

    async def step(self) -> Feedback:
        try:
            await asyncio.sleep(3_600 if self._value % 2 else 0)
        except asyncio.CancelledError:
            self._stage.cancelled += 1
            raise
        self.turn = None
        return NOTHING_LEARNT


@pytest.mark.parametrize("ordered", [False, True])
def test_a_run_ends_with_its_reader(ends: tuple[BinaryIO, socket.socket], ordered: bool) -> None:  # noqa: FBT001 - drawn
    """A bridge that waits for its jobs ends them all once the socket is closed, and leaves nothing on the loop."""
    output, there = ends
    stage = HangingStage()
    batch = pa.RecordBatch.from_arrays([pa.array([0, *[1] * 9, *[0] * 20], pa.int64())], names=["value"])
    rows = ArrowBridge[Any](stage, "value", ordered=ordered).process(iter([batch]))
    assert main(None, output, lambda: next(rows)).num_rows == 1
    there.close()
    with pytest.raises(RowReaderGone):
        main(None, output, lambda: next(rows))
    assert stage.cancelled == 9

    async def tasks() -> int:
        return len(asyncio.all_tasks()) - 1

    assert LoopThread.current().run(tasks()) == 0
