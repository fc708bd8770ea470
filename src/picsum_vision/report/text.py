"""The tables in a few lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picsum_vision.report.run_figures import run_lines
from picsum_vision.run_report import DESCRIBE_WORDS, DOWNLOAD_WORDS, status_lines
from picsum_vision.table_columns import COLUMNS

if TYPE_CHECKING:
    from picsum_vision.report.figures import Figures
    from picsum_vision.spark.job_state import StageState
    from picsum_vision.table_names import Tables


def table_summary(figures: Figures, tables: Tables) -> str:
    """Return the rows of the tables by status, what is odd about them, and the runs."""
    noticed = figures.quality.lines()
    return "\n".join(
        [
            f"{figures.asked:,} images asked for",
            *_stage("downloaded", figures.state.download, DOWNLOAD_WORDS),
            *_stage("described", figures.state.describe, DESCRIBE_WORDS),
            *(["  noticed:", *noticed] if noticed else []),
            *run_lines(figures.runs),
            "tables: " + ", ".join(tables.readable(role) for role in COLUMNS),
        ]
    )


def _stage(word: str, state: StageState, words: dict[str, str]) -> list[str]:
    ok = state.by_status.get("ok", 0)
    tokens = f", {state.input_tokens:,} + {state.output_tokens or 0:,} tokens" if state.input_tokens else ""
    return [
        f"  {word}: {ok:,} ok, {state.rows - ok:,} failed, {state.bytes:,} bytes{tokens}",
        *status_lines(state.by_status, words),
    ]
