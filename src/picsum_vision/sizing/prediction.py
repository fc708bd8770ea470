"""What the model says of a suite's sizes, beside what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from picsum_vision.sizing.demand import Demand
from picsum_vision.sizing.job_time import job_seconds

if TYPE_CHECKING:
    from picsum_vision.sizing.fit import Fit
    from picsum_vision.sizing.result import SizingResult


def predictions(result: SizingResult, fit: Fit) -> list[dict[str, Any]]:
    """Return, for each size whose whole job was measured, prediction, measured median and error, and what it was fitted on.

    A suite is warm: its workers have met the hosts, and their windows stand open. `planned_s` is what `plan` says of the same
    job, whose windows have yet to open.
    """
    if not result.sizes:
        return []
    demand = Demand.of_result(result)
    if demand is None:
        return []
    found = []
    for size in result.sizes:
        measured = size.spread("total")
        if measured is None:
            continue
        predicted_s, planned_s = (job_seconds(demand, size.images, fit.total, fit.job_s, cold=cold) for cold in (False, True))
        found.append(
            {
                "images": size.images,
                "predicted_s": round(predicted_s, 3),
                "planned_s": round(planned_s, 3),
                "measured_s": round(measured.median, 3),
                "error": round(predicted_s / measured.median - 1, 4) if measured.median else None,
                "fit": fit.source,
            }
        )
    return found
