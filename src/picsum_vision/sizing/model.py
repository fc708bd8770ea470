"""How long a job takes: a stated model, small enough to be checked by hand. Its formulas stand in docs/sizing.md.

A stage of R rows takes what its tightest limit makes of them, and the tail:

    start + max over limits( R / rate of the limit ) + tail

Requests in flight are such a limit by Little's law: N at once, each taking L seconds, are N / L rows a second. The tail is the
slowest of the last N answers, which come when nothing else is left to do.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import Final

IN_FLIGHT: Final = "requests in flight"
WINDOW: Final = "the window of bytes (window_bytes_per_task)"
WORKERS: Final = "the workers' own work"
HOST_RATE: Final = "the image host's requests per second"
REQUESTS: Final = "the model's requests per minute"
TOKENS: Final = "the model's tokens per minute"
# The engine begins with so many requests at once and doubles them as long as the far side keeps up.
_FIRST_IN_FLIGHT: Final = 16


@dataclasses.dataclass(frozen=True, kw_only=True)
class Waits:
    """What a far side makes rows wait: `latency_s` for one row on average over all its hops, lognormal with `sigma` for each hop.

    `in_flight_per_task` rows may be under way at once in each of `tasks`, as far as memory holds them (`window_rows_per_task`,
    None: all). `rates` are further limits, in rows a second. `hops` need not be whole: it says how far waits even each other out.
    """

    latency_s: float
    in_flight_per_task: int
    tasks: int
    sigma: float = 0.5
    hops: float = 1
    rates: Mapping[str, float] = dataclasses.field(default_factory=dict)
    window_rows_per_task: int | None = None

    @property
    def at_once_per_task(self) -> int:
        """How many rows one task has under way: as many as may be, or as memory holds."""
        return min(self.in_flight_per_task, self.window_rows_per_task or self.in_flight_per_task)

    @property
    def spread(self) -> float:
        """The sigma of a whole row: waits of several hops even each other out."""
        return math.sqrt(math.log(1 + (math.exp(self.sigma**2) - 1) / self.hops))

    def slowest_s(self, rows: float) -> float:
        """Return the expected longest wait among so many rows."""
        if self.latency_s <= 0 or rows <= 0:
            return 0.0
        place = (max(rows, 1.0) - 0.375) / (max(rows, 1.0) + 0.25)
        return self.latency_s * math.exp(self.spread * NormalDist().inv_cdf(place) - self.spread**2 / 2)


@dataclasses.dataclass(frozen=True, kw_only=True)
class StageTime:
    """A stage's seconds without its start, and what makes them."""

    seconds: float
    binding: str
    rows_per_second: float
    tail_s: float
    limits: dict[str, float]  # seconds that each limit alone would make of it


def stage_time(rows: float, waits: Waits, row_s: float, *, cold: bool) -> StageTime:
    """Return what `rows` take. `row_s` are seconds of one task's own work for a row; `cold`: the window has yet to open."""
    flows = {IN_FLIGHT: _flow_s(rows, waits, waits.in_flight_per_task, cold=cold)}
    if waits.at_once_per_task < waits.in_flight_per_task:
        flows[WINDOW] = _flow_s(rows, waits, waits.at_once_per_task, cold=cold)
    alone = {name: flow_s for name, (flow_s, _) in flows.items()}
    alone |= {name: rows / rate for name, rate in waits.rates.items()}
    if row_s > 0:
        alone[WORKERS] = rows * row_s / waits.tasks
    binding = max(alone, key=lambda name: alone[name])
    if binding in flows:
        tail_s = flows[binding][1]
    else:
        # Few are under way then: the last of them have a wait like any other.
        under_way = rows / max(alone[binding], 1e-9) * waits.latency_s
        tail_s = waits.slowest_s(max(1.0, min(rows, under_way)))
    seconds = alone[binding] + tail_s
    return StageTime(
        seconds=seconds,
        binding=binding,
        rows_per_second=rows / seconds if seconds > 0 else math.inf,
        tail_s=tail_s,
        limits=alone,
    )


def _flow_s(rows: float, waits: Waits, at_once_per_task: int, *, cold: bool) -> tuple[float, float]:
    """Return the seconds until no row waits for a free place, and the tail after them; each task has its share of the rows."""
    left, window, flow_s = rows / waits.tasks, float(at_once_per_task), 0.0
    opened = float(min(_FIRST_IN_FLIGHT, window)) if cold else window
    while opened < window and left > opened:
        flow_s += waits.latency_s
        left -= opened
        opened = min(window, opened * 2)
    at_once = min(opened, max(left, 0.0))
    if at_once > 0:
        flow_s += (left - at_once) * waits.latency_s / at_once
    return flow_s, waits.slowest_s(max(1.0, at_once * waits.tasks) if rows else 0.0)
