"""I3, fused: download and describe in one stage."""

from __future__ import annotations

from typing import Final

from benchmarks.cases import descriptions, downloads
from benchmarks.harness.case import Case, Contestant, Expectation, Group, Line, Pictures

_ROWS: Final = 1_000
_EACH: Final = 64
_FUSED: Final = "download and describe"
_ALONE: Final = "describe alone"


def build(images: int | None = None) -> Case:
    """Return the case."""
    rows = images or _ROWS
    fused, download = Line(group=_FUSED, contestant="fused"), Line(group=_FUSED, contestant="download")
    return Case(
        name="i3",
        title="Fused: download as in D1 and describe as in I1 in one stage",
        shows="that the time is about that of the longer of the two, not their sum",
        shows_not="tables: the bytes never leave the worker, and the answers go to noop",
        groups=(_fused_group(rows), _describe_group(rows)),
        minutes=3,
        rounds=5,
        columns=(
            "seconds",
            "rows_per_second",
            "peak_in_flight",
            "model_peak_in_flight",
            "questions",
            "rows_ok",
            "python_worker_peak_rss_mb",
        ),
        plotted="seconds",
        expectations=(
            Expectation(
                text="seconds of both in one stage over those of the longer of the two alone",
                line=fused,
                over=download,
                or_over=Line(group=_ALONE, contestant="describe"),
                figure="seconds",
                at_most=1.1,
            ),
        ),
    )


def _fused_group(rows: int) -> Group:
    download = downloads.spark("download", downloads.fixed(_EACH), f"{_EACH} in flight each", sink="noop")
    return Group(
        name=_FUSED,
        rows=rows,
        server=downloads.images(downloads.REMOTE),
        model=descriptions.model(),
        order={"paths": downloads.PICTURES},
        contestants=(download, _fused()),
        baseline="download",
        ours="fused",
        timeout_s=180,
    )


def _fused() -> Contestant:
    return Contestant(
        name="fused",
        module="spark_describe",
        what=f"`download_and_describe` in Spark, {downloads.TASKS} tasks, {_EACH} downloads and {_EACH} questions in flight each",
        session=downloads.SESSION,
        order={
            "fused": True,
            "partitions": downloads.TASKS,
            "download_options": downloads.fixed(_EACH),
            "options": {"max_in_flight_per_task": _EACH, **descriptions.EVERY_ROW},
        },
    )


def _describe_group(rows: int) -> Group:
    return Group(
        name=_ALONE,
        rows=rows,
        server=descriptions.model(),
        pictures=Pictures(),
        contestants=(descriptions.spark("describe", {"max_in_flight_per_task": _EACH}, f"max_in_flight_per_task={_EACH}"),),
        baseline="describe",
        ours="describe",
        requests_per_row=1,
        timeout_s=180,
    )
