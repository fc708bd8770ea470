"""Images described at once, in the calling thread: for callers that have all of them and want the answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from picsum_vision.concurrency.byte_budget import ByteBudget
from picsum_vision.concurrency.job_run import JobRun
from picsum_vision.concurrency.loop_thread import LoopThread
from picsum_vision.describing.backends import WorkerBackend
from picsum_vision.describing.describer import Describer
from picsum_vision.describing.job import DescribeJob
from picsum_vision.describing.tasks import Task
from picsum_vision.options import DescribeOptions

# The caller holds the images already.
_UNBOUNDED: Final = 1 << 62


def describe_images(backend: WorkerBackend, task: Task, options: DescribeOptions, images: Sequence[Any]) -> list[DescribeJob]:
    """Return the finished job of each image, in their order."""
    describer = Describer(backend, task, options, LoopThread.current())
    jobs = [describer.job(number, image) for number, image in enumerate(images)]
    for _ in work_off(jobs, describer):
        pass
    return jobs


def work_off(jobs: Sequence[DescribeJob], describer: Describer) -> Iterator[DescribeJob]:
    """Run the jobs with the describer's limits; give each when it has ended. Who stops taking them cancels the rest."""
    run: JobRun[DescribeJob] = JobRun(
        LoopThread.current(),
        slots=describer.slots,
        lane_state=describer.lane_state,
        budget=ByteBudget(_UNBOUNDED),
        look_ahead=len(jobs),
    )
    try:
        run.submit(jobs)
        run.no_more_input()
        left = len(jobs)
        while left:
            finished = run.collect()
            left -= len(finished)
            yield from finished
    finally:
        run.close()
