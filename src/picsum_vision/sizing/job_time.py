"""How long a whole job takes: its passes, each with its start, and what its stages and its memory make of its rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from picsum_vision import chunk_sizes
from picsum_vision.sizing.model import WINDOW, StageTime, stage_time

if TYPE_CHECKING:
    from picsum_vision.sizing.demand import Demand
    from picsum_vision.sizing.fit import StageFit

_SETTLED: Final = 0.02


@dataclasses.dataclass(frozen=True, kw_only=True)
class JobWork:
    """What the rows of a job take beside the starts. `binding` is the limit that decides, `stage` the one that it is a limit of.

    `describe` is the stage of the questions alone, `limit_s` what the binding limit makes of the rows.
    """

    seconds: float
    stage: str
    binding: str
    limit_s: float
    describe: StageTime


def job_seconds(demand: Demand, rows: int, total: StageFit, job_s: float, *, cold: bool) -> float:
    """Return what `run_pipeline` takes for so many rows."""
    return job_s + sum(seconds * times for _, seconds, times in passes_of(demand, rows, total, cold=cold))


def passes_of(demand: Demand, rows: int, total: StageFit, *, cold: bool) -> Iterator[tuple[int, float, float]]:
    """Give the chunks of a job: rows, seconds, and how often. A size that does not change any more stands for all that follow."""
    interval_s = demand.checkpoint_interval_s
    # The next chunk begins while one waits for its last answers: together they are one flow, of which each has its share.
    flow_s = job_work(demand, rows, total.row_s, cold=cold).seconds if demand.is_fused else 0.0
    wish, left = chunk_sizes.first_rows(interval_s), rows
    while left > 0:
        part = planned = min(wish, left)
        alone_s = (
            flow_s * part / rows if demand.is_fused else job_work(demand, part, total.row_s, cold=cold and left == rows).seconds
        )
        seconds = total.start_s + alone_s
        if seconds > interval_s:  # the clock ends it
            part, seconds = max(1, int(part * interval_s / seconds)), interval_s
        wanted = chunk_sizes.next_rows(planned, part, seconds, interval_s)
        is_settled = part == wish and abs(wanted / wish - 1) <= _SETTLED
        times = max(1, left // part) if is_settled else 1
        yield part, seconds, times
        left -= part * times
        wish = wanted


def job_work(demand: Demand, rows: float, row_s: float, *, cold: bool) -> JobWork:
    """Return what so many rows take: the longer stage and one wait of the other, or both in turn where they are not fused.

    Fused, an image keeps its place in the window of bytes through both stages: that is a limit of the job alone.
    """
    download = stage_time(rows, demand.download_waits, row_s, cold=cold)
    describe = stage_time(rows, demand.describe_waits, row_s, cold=cold)
    longer, stage, other_s = max(
        (download, "download", demand.model_latency_s),
        (describe, "describe", demand.image_latency_s),
        key=lambda each: each[0].seconds,
    )
    seconds = longer.seconds + other_s if demand.is_fused else download.seconds + describe.seconds
    binding, limit_s = longer.binding, longer.limits[longer.binding]
    if demand.is_fused:
        # Warm: how a window opens is the stages' own.
        held = stage_time(rows, demand.window_waits, 0.0, cold=False)
        if held.limits[held.binding] > max(*download.limits.values(), *describe.limits.values()):
            seconds, binding, limit_s = max(seconds, held.seconds), WINDOW, held.limits[held.binding]
    return JobWork(seconds=seconds, stage=stage, binding=binding, limit_s=limit_s, describe=describe)
