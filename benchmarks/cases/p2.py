"""P2, checkpoints: what committing often costs."""

from __future__ import annotations

from typing import Final

from benchmarks.cases import downloads, jobs
from benchmarks.harness.case import Case, Contestant, Expectation, Line

_ROWS: Final = 5_000
_NAME: Final = "the whole job"


# Two slots for each core, as a local session has without a setting: a chunk begins beside the end of the one before it.
_SESSION: Final = {"master": f"local[{2 * downloads.TASKS}]"}


def _job(name: str, how: str, interval_s: float) -> Contestant:
    return jobs.job(
        name, "pipeline", f"`run_pipeline`, {how}", checkpoint_interval_s=interval_s, partitions=None, session=_SESSION
    )


def build(images: int | None = None) -> Case:
    """Return the case."""
    contestants = (
        _job("no_checkpoints", "all rows in one chunk", 3_600),
        _job("pipeline", "a checkpoint every 60 s", 60),
        _job("every_5_s", "a checkpoint every 5 s", 5),
    )
    return Case(
        name="p2",
        title="Checkpoints: the whole job with a checkpoint every 60 s and every 5 s",
        shows="what it costs that a job which is ended loses at most so many seconds of work",
        shows_not="large tables, whose commits take longer; and a session whose slots are all taken by one chunk, where the next "
        "one waits until the slots are free",
        groups=(jobs.group(_NAME, images or _ROWS, contestants, "no_checkpoints"),),
        minutes=14,
        rounds=5,
        columns=("seconds", "ratio_seconds", "rows_per_second", "commits", "rows_ok"),
        plotted="seconds",
        expectations=(
            Expectation(
                text="seconds with a checkpoint every 60 s over those without",
                line=Line(group=_NAME, contestant="pipeline"),
                over=Line(group=_NAME, contestant="no_checkpoints"),
                figure="seconds",
                at_most=1.05,
            ),
            Expectation(
                text="seconds with a checkpoint every 5 s over those without",
                line=Line(group=_NAME, contestant="every_5_s"),
                over=Line(group=_NAME, contestant="no_checkpoints"),
                figure="seconds",
                at_most=1.25,
            ),
        ),
    )
