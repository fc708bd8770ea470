"""The table in the notebook's own form: images, download, inference, total; as text, Markdown, HTML and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from picsum_vision.sizing.figures import COLUMN_OF, STAGES
from picsum_vision.sizing.published import CLUSTER, PUBLISHED_S

if TYPE_CHECKING:
    from picsum_vision.sizing.result import SizeFigures, SizingResult

HEADS: Final = ("images", *COLUMN_OF.values())
_CSV_HEADS: Final = (
    "images", "method", "stage", "seconds", "seconds_min", "seconds_max", "repeats", "images_per_second", "questions",
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
        f"the notebook's method as published ({CLUSTER})",
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


def notebook_seconds(result: SizingResult, images: int) -> dict[str, float]:
    """Return what the notebook's method would take here, by stage; `total` only where both stages were measured."""
    if result.notebook is None:
        return {}
    found = {stage: result.notebook.seconds_for(stage, images) for stage in ("download", "describe")}
    known = {stage: seconds for stage, seconds in found.items() if seconds is not None}
    return known | ({"total": sum(known.values())} if len(known) == len(found) else {})


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
            measured = (round(value, 3) for value in (spread.median, spread.least, spread.most))
            yield size.images, "picsum-vision", stage, *measured, len(spread.values), rate, questions
        yield from _reckoned("notebook here", size.images, notebook_seconds(result, size.images))
    for images, known in PUBLISHED_S.items():
        yield from _reckoned("notebook published", images, known)


def _reckoned(method: str, images: int, known: Mapping[str, float]) -> Iterator[tuple[object, ...]]:
    for stage, seconds in known.items():
        yield images, method, stage, round(seconds, 3), "", "", "", round(images / seconds, 3), ""


def _measured_row(size: SizeFigures) -> tuple[str, ...]:
    cells = []
    for stage in COLUMN_OF:
        spread = size.spread(stage)
        if spread is None:
            cells.append("-")
        elif len(spread.values) == 1:
            cells.append(_time(spread.median))
        else:
            cells.append(f"{_time(spread.median)} ({spread.least:.1f}-{spread.most:.1f})")
    return (f"{size.images:,}", *cells)


def _notebook_row(result: SizingResult, images: int) -> tuple[str, ...]:
    known = notebook_seconds(result, images)
    return (f"{images:,}", *(_time(known[stage]) if stage in known else "-" for stage in COLUMN_OF))


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < _MINUTE_S else f"{seconds / 60:.1f} min"


def _columns(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
