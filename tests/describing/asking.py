"""Questions asked as a Spark task asks them, without Spark."""

from __future__ import annotations

import functools
import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from PIL import Image, ImageDraw

from picsum_vision.concurrency.byte_budget import ByteBudget
from picsum_vision.concurrency.job_run import JobRun
from picsum_vision.concurrency.loop_thread import LoopThread
from picsum_vision.describing.backends import WorkerBackend
from picsum_vision.describing.describer import Describer
from picsum_vision.describing.job import DescribeJob
from picsum_vision.describing.job_terms import JobTerms
from picsum_vision.describing.tasks import Describe, Task
from picsum_vision.options import DescribeOptions
from picsum_vision.outcomes import DescribeOutcome


@functools.cache
def picture(number: int, width: int = 64, height: int = 48, kind: str = "PNG") -> bytes:
    """Draw a picture that differs for each number."""
    image = Image.new("RGB", (width, height), (number * 37 % 256, number * 91 % 256, number // 256 * 53 % 256))
    ImageDraw.Draw(image).rectangle((2, 2, 2 + number % 40, 2 + number // 40 % 40), fill=(255, number % 256, 0))
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


@contextmanager
def fresh_loop() -> Iterator[LoopThread]:
    """Give a loop that knows nothing of earlier endpoints, and end what it kept."""
    loop_thread = LoopThread()
    try:
        yield loop_thread
    finally:
        for kept in list(loop_thread.kept.values()):
            if isinstance(kept, ThreadPoolExecutor):
                kept.shutdown()
        loop_thread.stop()


def ask(
    backend: WorkerBackend,
    images: Sequence[Any],
    task: Task | None = None,
    *,
    loop_thread: LoopThread | None = None,
    share: float = 1.0,
    terms: JobTerms | None = None,
    **options: Any,
) -> list[DescribeJob]:
    """Ask about each image and return the finished jobs in the images' order."""
    if loop_thread is None:
        with fresh_loop() as fresh:
            return ask(backend, images, task, loop_thread=fresh, share=share, terms=terms, **options)
    describer = Describer(backend, task or Describe(), DescribeOptions(**options), loop_thread, share=share, terms=terms)
    run: JobRun[DescribeJob] = JobRun(
        loop_thread,
        slots=describer.slots,
        lane_state=describer.lane_state,
        budget=ByteBudget(1 << 62),
        look_ahead=len(images) or 1,
    )
    jobs = [describer.job(number, image) for number, image in enumerate(images)]
    try:
        run.submit(jobs)
        run.no_more_input()
        while run.unfinished:
            run.collect()
    finally:
        run.close()
    return jobs


def outcome(job: DescribeJob) -> DescribeOutcome:
    """Return a finished job's outcome."""
    assert job.outcome is not None
    return job.outcome


def statuses(jobs: Sequence[DescribeJob]) -> list[str]:
    """Return each job's status as its word."""
    return [outcome(job).status.value for job in jobs]
