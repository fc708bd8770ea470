"""Downloading as a stage of the bridge: what travels to a worker, and what it becomes there."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Sequence
from typing import Any

import pyarrow as pa

from picsum_vision.concurrency.byte_budget import ByteBudget
from picsum_vision.concurrency.job_run import JobRun
from picsum_vision.concurrency.loop_thread import LoopThread
from picsum_vision.downloading.downloader import Downloader
from picsum_vision.downloading.job import DOWNLOAD_POOL, DownloadJob
from picsum_vision.options import DownloadOptions
from picsum_vision.outcomes import DownloadOutcome
from picsum_vision.spark.arrow_arrays import bytes_array
from picsum_vision.spark.arrow_outcomes import DOWNLOAD_OUTCOME_TYPE, download_outcomes
from picsum_vision.spark.task_turn import turn_of_task

IMAGE_FIELD = pa.field("image_binary", pa.binary())
DOWNLOAD_OUTCOME_FIELD = pa.field("download_outcome", DOWNLOAD_OUTCOME_TYPE)
# URLs are small: enough of them wait to keep the window full while Spark hands over the next batch.
_LOOK_AHEAD_WINDOWS = 4
_LOOK_AHEAD_AT_LEAST = 1_000


def look_ahead(max_in_flight: int) -> int:
    """Return how many rows are taken before the first of them has an outcome."""
    return max(_LOOK_AHEAD_AT_LEAST, _LOOK_AHEAD_WINDOWS * max_in_flight)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DownloadStage:
    """What travels: the settings, and the task's share of the whole job's bounds."""

    options: DownloadOptions
    share: float = 1.0

    def open(self) -> OpenDownloadStage:
        """Bring it to life on a worker."""
        return OpenDownloadStage(self)


class OpenDownloadStage:
    """A task's downloads."""

    def __init__(self, stage: DownloadStage) -> None:
        """Open the process's session and an empty window."""
        loop_thread = LoopThread.current()
        options = stage.options
        budget = ByteBudget(options.window_bytes_per_task)
        self._downloader = Downloader(options, budget, loop_thread, share=stage.share, turn=turn_of_task(stage.share))
        self.run: JobRun[DownloadJob] = JobRun(
            loop_thread,
            slots=self._downloader.slots,
            lane_state=self._downloader.lane_state,
            budget=budget,
            look_ahead=look_ahead(options.max_in_flight_per_task),
            holding_pools=[DOWNLOAD_POOL],
        )

    def job(self, number: int, value: Any) -> DownloadJob:
        """Return the download of one URL."""
        return self._downloader.job(number, value)

    def key(self, value: Any) -> Hashable | None:
        """Return the URL: the same one is fetched once while its bytes are at hand."""
        return value or None

    def columns(self, jobs: Sequence[DownloadJob], repeated: Sequence[bool]) -> list[tuple[pa.Field, pa.Array]]:
        """Return image_binary and download_outcome."""
        return download_columns(jobs, repeated)


def download_columns(
    jobs: Sequence[DownloadJob], repeated: Sequence[bool], *, with_images: bool = True
) -> list[tuple[pa.Field, pa.Array]]:
    """Return image_binary, unless not wanted, and download_outcome; both are NULL for a download that was not finished."""
    outcomes = [row_outcome(job, again) for job, again in zip(jobs, repeated, strict=True)]
    images = [None if job.outcome is None else job.data for job in jobs] if with_images else []
    return [
        *([(IMAGE_FIELD, bytes_array(images, IMAGE_FIELD.type))] if with_images else []),
        (DOWNLOAD_OUTCOME_FIELD, download_outcomes(outcomes)),
    ]


def row_outcome(job: DownloadJob, repeated: bool) -> DownloadOutcome | None:  # noqa: FBT001 - a row's fact, not a switch
    """Return a row's outcome, if there is one; a row that shares another one's download made no attempt of its own."""
    return dataclasses.replace(job.outcome, attempts=0) if repeated and job.outcome is not None else job.outcome
