"""D4, stragglers: one picture in a hundred comes 8 seconds late."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

from benchmarks.cases import downloads
from benchmarks.harness.case import Case, Contestant, Expectation, Group, Line

_ROWS: Final = 10_000
_IN_FLIGHT: Final = 512
_LATE_S: Final = 8.0
_BARRIER_ROWS: Final = 1_000
_STRAGGLERS: Final[dict[str, Any]] = {"kind": "straggler", "share": 0.01, "host": "image", "delay_s": _LATE_S}
_WITHOUT: Final = "no stragglers"
_WITH: Final = "1 % of the pictures 8 s late"


def build(images: int | None = None) -> Case:
    """Return the case."""
    rows = images or _ROWS
    return Case(
        name="d4",
        title="Stragglers: one picture in a hundred comes 8 seconds late",
        shows="what late answers cost beyond the lateness of the last of them, beside the same engine with a barrier after every "
        f"{_BARRIER_ROWS} rows of a task, as a batch-at-a-time function has it",
        shows_not="answers that never come: those are a timeout's business",
        groups=(_group(_WITHOUT, rows, []), _group(_WITH, rows, [_STRAGGLERS])),
        minutes=5,
        rounds=1,
        columns=("seconds", "ratio_seconds", "rows_per_second", "peak_in_flight", "rows_ok"),
        plotted="seconds",
        expectations=(
            Expectation(
                text="seconds with stragglers over (seconds without + 8)",
                line=Line(group=_WITH, contestant="spark_parquet"),
                over=Line(group=_WITHOUT, contestant="spark_parquet"),
                figure="seconds",
                plus=_LATE_S,
                at_most=1.15,
            ),
        ),
    )


def _group(name: str, rows: int, faults: list[dict[str, Any]]) -> Group:
    return Group(
        name=name,
        rows=rows,
        server=downloads.images({**downloads.REMOTE, "faults": faults}),
        order={"paths": downloads.PICTURES},
        contestants=(
            downloads.spark("spark_parquet", downloads.fixed(_each()), f"{_each()} in flight each"),
            _with_barrier(),
            downloads.bare(_IN_FLIGHT),
            downloads.daft("daft_same_in_flight", _IN_FLIGHT // 4),
        ),
        baseline="spark_parquet",
        ours="spark_parquet",
        warm_up_rows=2_000,
        timeout_s=300,
    )


def _each() -> int:
    return _IN_FLIGHT // downloads.TASKS


def _with_barrier() -> Contestant:
    what = f"{_each()} in flight each, a barrier after every {_BARRIER_ROWS} rows of a task"
    same = downloads.spark("spark_barrier", downloads.fixed(_each()), what)
    return dataclasses.replace(same, order={**same.order, "barrier_rows": _BARRIER_ROWS})
