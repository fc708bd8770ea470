"""Download and description as one stage: an image is described while others download."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Sequence
from typing import Any

import pyarrow as pa

from picsum_vision.concurrency.byte_budget import ByteBudget
from picsum_vision.concurrency.job import Lane
from picsum_vision.concurrency.job_run import JobRun
from picsum_vision.concurrency.limits import FixedLimit
from picsum_vision.concurrency.loop_thread import LoopThread
from picsum_vision.concurrency.scheduler import LaneState
from picsum_vision.describing.job import MODEL_POOL
from picsum_vision.downloading.downloader import Downloader
from picsum_vision.downloading.job import DOWNLOAD_POOL
from picsum_vision.spark.describe_stage import DescribeStage, answer_columns
from picsum_vision.spark.download_stage import DownloadStage, download_columns, look_ahead
from picsum_vision.spark.fused_job import SAME_PICTURE_POOL, Backlog, FusedJob, no_pictures_yet
from picsum_vision.spark.task_turn import turn_of_task

# Waiting for another row's answer takes nothing but its place.
_UNBOUNDED = 1 << 30


@dataclasses.dataclass(frozen=True, kw_only=True)
class FusedStage:
    """What travels: both stages, and whether the bytes are wanted."""

    download: DownloadStage
    describe: DescribeStage
    keep_images: bool

    def open(self) -> OpenFusedStage:
        """Bring it to life on a worker."""
        return OpenFusedStage(self)


class OpenFusedStage:
    """A task's rows."""

    def __init__(self, stage: FusedStage) -> None:
        """Open session, backend and an empty window."""
        loop_thread = LoopThread.current()
        options = stage.download.options
        budget = ByteBudget(options.window_bytes_per_task)
        self._stage = stage
        share = stage.download.share
        self._downloader = Downloader(options, budget, loop_thread, share=share, turn=turn_of_task(share))
        describe = stage.describe
        self._describer = describe.describer(loop_thread)
        self._asked = no_pictures_yet() if describe.options.deduplicate else None
        # Half of them are asked about, and the other half is at hand for whoever gets an answer.
        self._backlog = Backlog(2 * self._describer.slots[MODEL_POOL], self._refill)
        self.run: JobRun[FusedJob] = JobRun(
            loop_thread,
            slots={**self._downloader.slots, **self._describer.slots, SAME_PICTURE_POOL: _UNBOUNDED},
            lane_state=self._lane_state,
            budget=budget,
            look_ahead=look_ahead(options.max_in_flight_per_task),
            holding_pools=[DOWNLOAD_POOL],
            # What waits at the end is the model: it wants the first image as soon as possible, not all redirects before it.
            opens_all_at_end=False,
            may_begin=lambda: self._backlog.has_room,
            on_left=FusedJob.leave,
        )

    def _refill(self) -> None:
        self.run.refill()

    def _lane_state(self, lane: Lane) -> LaneState:
        if lane.pool == SAME_PICTURE_POOL:
            return LaneState(FixedLimit(_UNBOUNDED))
        return (self._downloader if lane.pool in self._downloader.slots else self._describer).lane_state(lane)

    def job(self, number: int, value: Any) -> FusedJob:
        """Return the way of one URL to its description."""
        download = self._downloader.job(number, value)
        return FusedJob(download, self._describer, self._asked, self._backlog, keep_image=self._stage.keep_images)

    def key(self, value: Any) -> Hashable | None:
        """Return the URL: the same one is fetched and asked about once, unless each row is to be asked about."""
        return value if value and self._stage.describe.options.deduplicate else None

    def columns(self, jobs: Sequence[FusedJob], repeated: Sequence[bool]) -> list[tuple[pa.Field, pa.Array]]:
        """Return image_binary if it is kept, download_outcome, the answer and describe_outcome."""
        shared = [again or job.shares_answer for job, again in zip(jobs, repeated, strict=True)]
        return [
            *download_columns([job.download for job in jobs], repeated, with_images=self._stage.keep_images),
            *answer_columns(self._stage.describe.output_field, [job.describe for job in jobs], shared),
        ]
