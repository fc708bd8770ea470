"""What would make a planned job faster: more of the limit that binds, and what that would bring."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Final

from picsum_vision.sizing.job_time import JobWork, job_seconds, job_work
from picsum_vision.sizing.memory import held_mb
from picsum_vision.sizing.model import IN_FLIGHT, WINDOW, WORKERS

if TYPE_CHECKING:
    from picsum_vision.sizing.demand import Demand
    from picsum_vision.sizing.fit import Fit

_WORTH_A_WORD: Final = 0.95
_MB: Final = 1_000_000


def advice(images: int, demand: Demand, fit: Fit, work: JobWork, seconds: float) -> list[str]:
    """Return a line about the limit that binds, nothing where more of it would hardly help."""
    if not demand.is_fused and (work.stage, work.binding) == ("describe", IN_FLIGHT):
        return ["nothing here: how many questions are in flight is the platform's affair"]
    words, change = _change(images, demand, fit, work)
    if not change:
        return [f"nothing here: {work.binding} would have to be more"]
    changed = dataclasses.replace(demand, **change)
    faster_s = job_seconds(changed, images, fit.total, fit.job_s, cold=True)
    if faster_s >= seconds * _WORTH_A_WORD:
        return []
    more_mb = held_mb(changed) - held_mb(demand)
    memory = f", with {more_mb:,.0f} MB more for each worker" if more_mb >= 1 else ""
    return [f"{words}: {faster_s:,.1f} s in the place of {seconds:,.1f} s{memory}"]


def _change(images: int, demand: Demand, fit: Fit, work: JobWork) -> tuple[str, dict[str, Any]]:
    """Return what to set, in words and as terms of the job."""
    if work.binding == WORKERS:
        return f"twice the cores ({demand.tasks * 2} tasks at once)", {"tasks": demand.tasks * 2}
    if work.binding == WINDOW:
        window = _enough_window_bytes(images, demand, fit)
        return _in_words(window), {"window_bytes_per_task": window}
    if work.binding != IN_FLIGHT:
        return "", {}
    change: dict[str, Any]
    if work.stage == "download":
        in_flight = 2 * demand.download_in_flight_per_task
        words, change = f"download.max_in_flight_per_task={in_flight}", {"download_in_flight_per_task": in_flight}
    else:
        in_flight = 2 * demand.describe_in_flight_per_task
        words = f"describe.max_in_flight_per_task={in_flight}, if the endpoint bears it"
        change = {"describe_in_flight_per_task": in_flight}
    wider = dataclasses.replace(demand, **change)
    window = _enough_window_bytes(images, wider, fit)
    if job_work(wider, images, fit.total.row_s, cold=True).binding == WINDOW and window > demand.window_bytes_per_task:
        return f"{words}, and {_in_words(window)}", {**change, "window_bytes_per_task": window}
    return words, change


def _in_words(window_bytes: int) -> str:
    return f"download.window_bytes_per_task={window_bytes}"


def _enough_window_bytes(images: int, demand: Demand, fit: Fit) -> int:
    """Return the window in which the next limit binds: by Little's law, never more than all that may be in flight."""
    questions = demand.describe_in_flight_per_task if demand.is_fused else 0
    places = min(demand.download_in_flight_per_task + questions, math.ceil(images / demand.tasks))
    widest = dataclasses.replace(demand, window_bytes_per_task=math.ceil(places * demand.image_bytes))
    next_s = job_work(widest, images, fit.total.row_s, cold=True).limit_s
    held_s = demand.image_latency_s + (demand.model_latency_s if demand.is_fused else 0.0)
    needed = math.ceil(images / demand.tasks * held_s / next_s) if next_s > 0 else places
    return math.ceil(min(needed, places) * demand.image_bytes / _MB) * _MB
