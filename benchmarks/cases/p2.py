"""P2, checkpoints: what committing often costs."""

from __future__ import annotations

from typing import Final

from benchmarks.cases import jobs
from benchmarks.harness.case import Case, Expectation, Line

_ROWS: Final = 5_000
_NAME: Final = "the whole job"


def build(images: int | None = None) -> Case:
    """Return the case."""
    contestants = (
        jobs.job("no_checkpoints", "one_pass", "`run_pipeline`, all rows in one pass"),
        jobs.job("pipeline", "pipeline", "`run_pipeline`, a checkpoint every 60 s"),
        jobs.job("every_5_s", "pipeline", "`run_pipeline`, a checkpoint every 5 s", checkpoint_interval_s=5),
    )
    return Case(
        name="p2",
        title="Checkpoints: the whole job with a checkpoint every 60 s and every 5 s",
        shows="what it costs that a job which is ended loses at most so many seconds of work",
        shows_not="large tables, whose commits take longer; what is left at a job's end is cut small in any case, so "
        "that little is left to publish when nothing else is at work",
        groups=(jobs.group(_NAME, images or _ROWS, contestants, "no_checkpoints"),),
        minutes=8,
        rounds=2,
        columns=("seconds", "ratio_seconds", "rows_per_second", "commits", "rows_ok"),
        plotted="seconds",
        expectations=(
            Expectation(
                text="seconds with a checkpoint every 60 s over those without",
                line=Line(group=_NAME, contestant="pipeline"),
                over=Line(group=_NAME, contestant="no_checkpoints"),
                figure="seconds",
                at_most=1.03,
            ),
            Expectation(
                text="seconds with a checkpoint every 5 s over those without",
                line=Line(group=_NAME, contestant="every_5_s"),
                over=Line(group=_NAME, contestant="no_checkpoints"),
                figure="seconds",
                at_most=1.1,
            ),
        ),
    )
