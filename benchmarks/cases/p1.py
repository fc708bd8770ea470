"""P1, the whole job: pictures into three tables."""

from __future__ import annotations

from typing import Final

from benchmarks.cases import jobs
from benchmarks.harness.case import Case, Expectation, Group, Line

_SIZES: Final = (100, 1_000, 5_000)
_NOTEBOOK_ROWS: Final = 20


def build(images: int | None = None) -> Case:
    """Return the case."""
    groups = tuple(_group(rows) for rows in (_SIZES if images is None else (images,)))
    return Case(
        name="p1",
        title="The whole job: download as in D1, describe as in I1, into the three tables",
        shows="whether a resumable job takes about as long as the longer of its stages, and less than one stage after the other; "
        "the notebook's way beside it",
        shows_not="Databricks: its tables, its `ai_query` and its clusters; tables are Iceberg on this machine's disk. Nor the "
        "memory of one way alone: those of a group share a session",
        groups=groups,
        minutes=17,
        rounds=2,
        columns=(
            "seconds",
            "ratio_seconds",
            "rows_per_second",
            "ratio",
            "questions",
            "rows_ok",
            "python_worker_peak_rss_mb",
            "jvm_peak_rss_mb",
        ),
        plotted="rows_per_second",
        has_own_processes=True,
        expectations=(
            *(_over_stages(group.name) for group in groups),
            *(_over_the_longer(group.name) for group in groups[-1:]),
        ),
    )


def _over_stages(group: str) -> Expectation:
    return Expectation(
        text=f"{group}: seconds over those of its stages one after the other",
        line=Line(group=group, contestant="pipeline"),
        over=Line(group=group, contestant="stages"),
        figure="seconds",
        at_most=1.0,
    )


def _over_the_longer(group: str) -> Expectation:
    return Expectation(
        text=f"{group}: seconds over those of the longer of its stages alone",
        line=Line(group=group, contestant="pipeline"),
        over=Line(group=group, contestant="download"),
        or_over=Line(group=group, contestant="describe"),
        figure="seconds",
        at_most=1.15,
    )


def _group(rows: int) -> Group:
    notebook_rows = min(rows, _NOTEBOOK_ROWS)
    contestants = (
        jobs.job("download", "download", "`generate_urls` and `download`, written: no description"),
        jobs.job("describe", "describe", "`describe` on images that are in their table before, written: no download"),
        jobs.job("stages", "stages", "`generate_urls`, `download` and `describe`, each written before the next begins"),
        jobs.job("pipeline", "pipeline", "`run_pipeline`, a checkpoint every 60 s"),
        jobs.job(
            "notebook", "notebook", f"UDFs with `requests`, one at a time, on {notebook_rows} rows only", rows=notebook_rows
        ),
    )
    return jobs.group(f"{rows} images", rows, contestants, "stages")
