"""The table in the notebook's own form: images, download, inference, total; as text, Markdown, HTML and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from picsum_vision.sizing.figures import COLUMN_OF, STAGES

if TYPE_CHECKING:
    from picsum_vision.sizing.figures import Spread
    from picsum_vision.sizing.result import SizeFigures, SizingResult

# The notebook's published times: images -> seconds of download, inference and total, as they stand in its table.
_CLUSTER: Final = "8 cores, 32 GB"
PUBLISHED_S: Final[dict[int, dict[str, float]]] = {
    100: {"download": 30, "describe": 120, "total": 150},
    1_000: {"download": 300, "describe": 900, "total": 1_200},
    5_000: {"download": 1_500, "describe": 4_500, "total": 6_000},
}
HEADS: Final = ("images", *COLUMN_OF.values())
_CSV_HEADS: Final = (
    "images", "method", "stage", "seconds", "seconds_min", "seconds_max", "repeats", "images_per_second", "questions",
    "rows_ok",
)  # fmt: skip
_MINUTE_S: Final = 120


def tables(result: SizingResult) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    """Give each method's title and its rows, as many cells as there are heads."""
    repeats = max((len(size.repeats) for size in result.sizes), default=0)
    times = f"median of {repeats} runs, fastest and slowest" if repeats > 1 else "one run"
    yield f"picsum-vision here ({times})", [_measured_row(size) for size in result.sizes]
    notebook = result.notebook
    if notebook is not None and notebook.seconds:
        title = (
            f"the notebook's method here (its pace on {notebook.images} images, {notebook.tasks} requests at once, "
            f"{notebook.client}; multiplied)"
        )
        yield title, [_notebook_row(result, size.images) for size in result.sizes]
    yield (
        f"the notebook's method as published ({_CLUSTER})",
        [(f"{images:,}", *(_time(known[stage]) for stage in COLUMN_OF)) for images, known in PUBLISHED_S.items()],
    )


def as_text(result: SizingResult) -> str:
    """Return the tables in columns."""
    return "\n\n".join(f"{title}\n{_columns([HEADS, *rows])}" for title, rows in tables(result))


def as_markdown(result: SizingResult) -> str:
    """Return the tables in Markdown."""
    parts = []
    for title, rows in tables(result):
        lines = [f"| {' | '.join(row)} |" for row in rows]
        parts.append(
            "\n".join([f"{title[0].upper()}{title[1:]}:", "", f"| {' | '.join(HEADS)} |", "|---:" * len(HEADS) + "|", *lines])
        )
    return "\n\n".join(parts) + "\n"


def as_csv(result: SizingResult) -> str:
    """Return every figure of the tables in rows of their own; seconds as they were measured."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_CSV_HEADS)
    writer.writerows(_csv_rows(result))
    return text.getvalue()


def failed_rows(size: SizeFigures, stage: str) -> str:
    """Return `20 of 1,000 failed`, fewest and most where the repeats differ; nothing where all rows are ok."""
    rows = max((figures.rows for figures in size.of(stage)), default=0)
    return _told(size.spread(stage, "rows_failed"), rows)


def failed_rows_of_notebook(result: SizingResult, stage: str) -> str:
    """Return the same of the share on which the notebook's method was measured; at its end are the rows with an answer."""
    if result.notebook is None:
        return ""
    return _told(result.notebook.rows_failed("describe" if stage == "total" else stage), result.notebook.images)


def notebook_seconds(result: SizingResult, images: int) -> dict[str, float]:
    """Return what the notebook's method would take here, by stage; `total` only where both stages were measured."""
    if result.notebook is None:
        return {}
    found = {stage: result.notebook.seconds_for(stage, images) for stage in ("download", "describe")}
    known = {stage: seconds for stage, seconds in found.items() if seconds is not None}
    return known | ({"total": sum(known.values())} if len(known) == len(found) else {})


def notebook_rates(result: SizingResult) -> dict[str, float]:
    """Return rows a second that come out of the notebook's method here, by stage; no stage out of which none came.

    `total` as its stages follow one another: the seconds that a row takes in both.
    """
    if result.notebook is None:
        return {}
    found = {stage: result.notebook.images_per_second(stage) for stage in ("download", "describe")}
    known = {stage: rate for stage, rate in found.items() if rate}
    return known | ({"total": 1 / sum(1 / rate for rate in known.values())} if len(known) == len(found) else {})


def _csv_rows(result: SizingResult) -> Iterator[tuple[object, ...]]:
    for size in result.sizes:
        for stage in STAGES:
            spread = size.spread(stage)
            if spread is None:
                continue
            speed = size.spread(stage, "images_per_second")
            rate = "" if speed is None else round(speed.median, 3)
            asked = size.spread(stage, "questions")
            questions = "" if asked is None else round(asked.median)
            ok = size.spread(stage, "rows_ok")
            measured = (round(value, 3) for value in (spread.median, spread.least, spread.most))
            rows_ok = "" if ok is None else round(ok.median)
            yield size.images, "picsum-vision", stage, *measured, len(spread.values), rate, questions, rows_ok
        yield from _reckoned("notebook here", size.images, notebook_seconds(result, size.images), notebook_rates(result))
    for images, known in PUBLISHED_S.items():
        rates = {stage: images / seconds for stage, seconds in known.items()}
        yield from _reckoned("notebook published", images, known, rates)


def _reckoned(method: str, images: int, known: Mapping[str, float], rates: Mapping[str, float]) -> Iterator[tuple[object, ...]]:
    for stage, seconds in known.items():
        yield images, method, stage, round(seconds, 3), "", "", "", round(rates.get(stage, 0.0), 3), "", ""


def _measured_row(size: SizeFigures) -> tuple[str, ...]:
    cells = []
    for stage in COLUMN_OF:
        spread = size.spread(stage)
        if spread is None:
            cells.append("-")
            continue
        wide = f" ({spread.least:.1f}-{spread.most:.1f})" if len(spread.values) > 1 else ""
        cells.append(", ".join(filter(None, (f"{_time(spread.median)}{wide}", failed_rows(size, stage)))))
    return (f"{size.images:,}", *cells)


def _notebook_row(result: SizingResult, images: int) -> tuple[str, ...]:
    known = notebook_seconds(result, images)
    failed = {stage: failed_rows_of_notebook(result, stage) for stage in known}
    cells = {stage: ", ".join(filter(None, (_time(seconds), failed[stage]))) for stage, seconds in known.items()}
    return (f"{images:,}", *(cells.get(stage, "-") for stage in COLUMN_OF))


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < _MINUTE_S else f"{seconds / 60:.1f} min"


def _columns(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def _told(failed: Spread | None, rows: int) -> str:
    if failed is None or failed.most <= 0:
        return ""
    number = f"{failed.most:,.0f}" if failed.least == failed.most else f"{failed.least:,.0f}-{failed.most:,.0f}"
    return f"{number} of {rows:,} failed"
