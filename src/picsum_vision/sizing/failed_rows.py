"""How many of a stage's rows failed, in the words that stand beside its seconds: a refusal is faster than a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from picsum_vision.sizing.figures import Spread
    from picsum_vision.sizing.result import SizeFigures, SizingResult


def failed_rows(size: SizeFigures, stage: str) -> str:
    """Return `20 of 1,000 failed`, fewest and most where the repeats differ; nothing where all rows are ok."""
    rows = max((figures.rows for figures in size.of(stage)), default=0)
    return _told(size.spread(stage, "rows_failed"), rows)


def failed_rows_of_notebook(result: SizingResult, stage: str) -> str:
    """Return the same of the share on which the notebook's method was measured; at its end are the rows with an answer."""
    if result.notebook is None:
        return ""
    return _told(result.notebook.rows_failed("describe" if stage == "total" else stage), result.notebook.images)


def _told(failed: Spread | None, rows: int) -> str:
    if failed is None or failed.most <= 0:
        return ""
    number = f"{failed.most:,.0f}" if failed.least == failed.most else f"{failed.least:,.0f}-{failed.most:,.0f}"
    return f"{number} of {rows:,} failed"
