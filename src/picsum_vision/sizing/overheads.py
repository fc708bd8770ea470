"""What a job takes above the bare waiting for its hosts."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from picsum_vision.sizing.demand import Demand

if TYPE_CHECKING:
    from picsum_vision.sizing.model import Waits
    from picsum_vision.sizing.result import SizeFigures, SizingResult


@dataclasses.dataclass(frozen=True, kw_only=True)
class Overheads:
    """Seconds of each part of a job by hand above its waits, and of the whole job; medians over the repeats."""

    images: int
    parts: dict[str, float]
    job_s: float | None
    job_waits_s: float

    @property
    def sum_s(self) -> float:
        """All parts together."""
        return sum(self.parts.values())


def overheads(result: SizingResult, size: SizeFigures) -> Overheads | None:
    """Return what the stages and the whole job took above what their requests wait by Little's law; None if nobody knows that."""
    demand = Demand.of_result(result)
    if demand is None:
        return None
    waits = {
        "urls": 0.0,
        "download": bare_wait_s(size.images, demand.download_waits),
        "describe": bare_wait_s(size.images, demand.describe_waits),
    }
    parts = {}
    for stage, wait_s in waits.items():
        measured = size.spread(stage)
        if measured is not None:
            parts[stage] = measured.median - wait_s
    # Fused, the longer of the two hides the other but for one wait.
    both = (waits["download"], waits["describe"])
    job_waits_s = max(both) + min(demand.image_latency_s, demand.model_latency_s) if demand.is_fused else sum(both)
    if demand.is_fused:
        job_waits_s = max(job_waits_s, bare_wait_s(size.images, demand.window_waits))
    total = size.spread("total")
    job_s = None if total is None else total.median - job_waits_s
    return Overheads(images=size.images, parts=parts, job_s=job_s, job_waits_s=job_waits_s)


def bare_wait_s(rows: int, waits: Waits) -> float:
    """Return the seconds that so many requests wait at the least: as many at once as may be, or as often as may be."""
    at_once = waits.at_once_per_task * waits.tasks
    return max(waits.latency_s, rows * waits.latency_s / at_once, *(rows / rate for rate in waits.rates.values()))
