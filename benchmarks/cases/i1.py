"""I1, describe: a thousand images, a model that takes a second."""

from __future__ import annotations

from typing import Final

from benchmarks.cases import descriptions
from benchmarks.cases.downloads import TASKS
from benchmarks.harness.case import Case, Expectation, Group, Line, Pictures

_ROWS: Final = 1_000
_IN_FLIGHT: Final = (64, 256)
_WARM_ROWS: Final = 300


def build(images: int | None = None) -> Case:
    """Return the case."""
    groups = tuple(_group(images or _ROWS, in_flight) for in_flight in _IN_FLIGHT)
    return Case(
        name="i1",
        title="Describe: 1,000 images of 45 kB, lognormal model latency of 1 s, 64 and 256 in flight in all",
        shows="the rate of a whole warm job, with its start and without, and its CPU, at the same number of requests in flight "
        "as the server counts them; with workers that have just asked, and with new ones, which Spark makes after an idle minute "
        "and openaivec always has",
        shows_not="a model's own speed; openaivec asks the same server through the Responses API, and reads its images "
        "from files, for it takes no bytes",
        groups=groups,
        minutes=14,
        rounds=2,
        columns=(
            "rows_per_second",
            "rows_per_second_once_started",
            "ratio",
            "peak_in_flight",
            "rows_ok",
            "cpu_seconds_per_1000_rows",
            "python_worker_peak_rss_mb",
        ),
        expectations=tuple(expectation for group in groups for expectation in _expected(group.name)),
    )


def _group(rows: int, in_flight: int) -> Group:
    each = in_flight // TASKS
    options, said = {"max_in_flight_per_task": each}, f"max_in_flight_per_task={each}"
    return Group(
        name=f"{in_flight} in flight",
        rows=rows,
        server=descriptions.model(),
        pictures=Pictures(),
        contestants=(
            descriptions.bare(in_flight),
            descriptions.spark("spark", options, f"{said}, {_WARM_ROWS} rows just before", warm_rows=_WARM_ROWS),
            descriptions.spark(
                "spark_new_workers", options, f"{said}, each task in a new process", session=descriptions.NEW_WORKERS
            ),
            descriptions.daft("daft", None),
            descriptions.daft("daft_same_in_flight", in_flight),
            descriptions.openaivec(each),
            # Its rate is the same at any setting of the others: once is enough.
            *([descriptions.notebook()] if in_flight == _IN_FLIGHT[0] else []),
        ),
        baseline="bare",
        ours="spark",
        requests_per_row=1,
        timeout_s=60,
    )


def _expected(group: str) -> tuple[Expectation, ...]:
    ours, bare = Line(group=group, contestant="spark"), Line(group=group, contestant="bare")
    return (
        Expectation(
            text=f"{group}: rate over the bare client's, from the first request to the last answer",
            line=ours, over=bare, figure="rows_per_second_once_started", at_least=0.95,
        ),
        Expectation(
            text=f"{group}: client CPU seconds over the bare client's",
            line=ours, over=bare, figure="client_cpu_seconds", at_most=1.5
        ),
    )  # fmt: skip
