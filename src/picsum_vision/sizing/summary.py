"""A suite's result for a person: the table in the notebook's own form, in its formats, and what is to be said about it."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Final

from picsum_vision.html_text import html_line, html_table
from picsum_vision.sizing.model import LATENCY_UNKNOWN, Demand
from picsum_vision.sizing.result import STAGES, SizeFigures, SizingResult

# The notebook's own words for the columns of its table.
COLUMN_OF: Final[Mapping[str, str]] = {"download": "download", "describe": "inference", "total": "total"}
# The notebook's published times: images -> seconds of download, inference and total, as they stand in its table.
_CLUSTER: Final = "8 cores, 32 GB"
PUBLISHED_S: Final[dict[int, dict[str, float]]] = {
    100: {"download": 30, "describe": 120, "total": 150},
    1_000: {"download": 300, "describe": 900, "total": 1_200},
    5_000: {"download": 1_500, "describe": 4_500, "total": 6_000},
}
_HEADS: Final = ("images", *COLUMN_OF.values())
_CSV_HEADS: Final = (
    "images", "method", "stage", "seconds", "seconds_min", "seconds_max", "repeats", "images_per_second", "questions",
    "rows_ok",
)  # fmt: skip
_MINUTES_FROM_S: Final = 120
_TWO_DIGITS: Final = 10


def summary(result: SizingResult) -> str:
    """Return it as text."""
    tables = "\n\n".join(f"{title}\n{_columns([_HEADS, *rows])}" for title, rows in _tables(result))
    return "\n".join([tables, "", *remarks(result)])


def summary_html(result: SizingResult) -> str:
    """Return it as a notebook shows it."""
    shown = [html_line(title) + html_table(_HEADS, rows) for title, rows in _tables(result)]
    return "".join([*shown, *map(html_line, remarks(result))])


def table_files(result: SizingResult) -> dict[str, str]:
    """Return the table by the names of its files; who finds only that in Markdown must not miss what is to be said about it."""
    said = "".join(f"- {remark}\n" for remark in remarks(result))
    return {"table.txt": f"{summary(result)}\n", "table.md": f"{as_markdown(result)}\n{said}", "table.csv": as_csv(result)}


def as_markdown(result: SizingResult) -> str:
    """Return the tables in Markdown."""
    parts = []
    for title, rows in _tables(result):
        heads, *lines = [f"| {' | '.join(row)} |" for row in (_HEADS, *rows)]
        parts.append("\n".join([f"{title[0].upper()}{title[1:]}:", "", heads, "|---:" * len(_HEADS) + "|", *lines]))
    return "\n\n".join(parts) + "\n"


def as_csv(result: SizingResult) -> str:
    """Return every figure of the tables in rows of their own; seconds as they were measured."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_CSV_HEADS, *_csv_rows(result)])
    return text.getvalue()


def failed_rows(size: SizeFigures, stage: str) -> str:
    """Return `20 of 1,000 failed`, fewest and most where the repeats differ; nothing where all rows are ok."""
    rows = max((figures.rows for figures in size.of(stage)), default=0)
    return _told([figures.rows - figures.rows_ok for figures in size.of(stage)], rows)


def failed_rows_of_notebook(result: SizingResult, stage: str) -> str:
    """Return the same of the share on which the notebook's method was measured; at its end are the rows with an answer."""
    if result.notebook is None:
        return ""
    images, rows_ok = result.notebook.images, result.notebook.rows_ok.get("describe" if stage == "total" else stage, [])
    return _told([images - ok for ok in rows_ok], images)


def notebook_seconds(result: SizingResult, images: int) -> dict[str, float]:
    """Return what the notebook's method would take here, by stage; `total` only where both stages were measured."""
    paces = {stage: [seconds / rows for rows, seconds in timed if rows] for stage, timed in _timed(result, "rows").items()}
    known = {stage: median(each) * images for stage, each in paces.items() if each}
    return known | ({"total": sum(known.values())} if len(known) > 1 else {})


def notebook_rates(result: SizingResult) -> dict[str, float]:
    """Return rows a second that come out of the notebook's method here, by stage; no stage out of which none came.

    `total` as its stages follow one another: the seconds that a row takes in both.
    """
    rates = {stage: [ok / seconds for ok, seconds in timed if seconds] for stage, timed in _timed(result, "rows_ok").items()}
    known = {stage: rate for stage, each in rates.items() if each and (rate := median(each))}
    return known | ({"total": 1 / sum(1 / rate for rate in known.values())} if len(known) > 1 else {})


def remarks(result: SizingResult) -> Iterator[str]:
    """Give a line for each thing that is to be said about the tables."""
    yield _conditions(result)
    for size in result.sizes:
        yield from _ratios(result, size)
    measured = [size for size in result.sizes if size.repeats and size.repeats[0]]
    if measured:
        yield _overheads(result, measured[0])
    yield from _of_notebook(result)
    yield from _failures(result)
    yield from _not_asked(result)
    for each in result.predictions:
        yield (
            f"predicted for {each['images']:,} images: {each['predicted_s']:.1f} s, measured {each['measured_s']:.1f} s, "
            f"error {each['error']:+.1%} ({each['fit']})"
        )
    if result.environment.get("processes") not in (None, "measured"):
        yield f"CPU and memory were not measured: {result.environment['processes']}"
    if result.problem:
        yield f"the suite ended early: {result.problem}"
    uri, tracking_problem = result.tracking.get("uri") or "", result.tracking.get("problem")
    if tracking_problem:
        yield f"MLflow: {tracking_problem}; the results are in {result.folder}"
    elif uri:
        # A server has its pages already; those of a file must be served.
        pages = f"; its pages: mlflow ui --backend-store-uri {uri}" if uri.startswith("sqlite:") else ""
        yield f"MLflow: experiment {result.tracking['experiment']!r}, run {result.tracking.get('run_id')}{pages}"


def _tables(result: SizingResult) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    """Give each method's title and its rows, as many cells as there are heads."""
    repeats = max((len(size.repeats) for size in result.sizes), default=0)
    times = f"median of {repeats} runs, fastest and slowest" if repeats > 1 else "one run"
    cells = {
        size.images: {stage: _cell(size.values(stage), failed_rows(size, stage)) for stage in COLUMN_OF} for size in result.sizes
    }
    yield f"picsum-vision here ({times})", _rows(cells)
    notebook = result.notebook
    if notebook is not None and notebook.seconds:
        title = (
            f"the notebook's method here (its pace on {notebook.images} images, {notebook.tasks} requests at once, "
            f"{notebook.client}; multiplied)"
        )
        failed = {stage: failed_rows_of_notebook(result, stage) for stage in COLUMN_OF}
        known = {size.images: notebook_seconds(result, size.images) for size in result.sizes}
        yield (
            title,
            _rows({images: {stage: _cell([each[stage]], failed[stage]) for stage in each} for images, each in known.items()}),
        )
    published = {images: {stage: _cell([seconds]) for stage, seconds in each.items()} for images, each in PUBLISHED_S.items()}
    yield f"the notebook's method as published ({_CLUSTER})", _rows(published)


def _rows(cells: Mapping[int, Mapping[str, str]]) -> list[tuple[str, ...]]:
    return [(f"{images:,}", *(each.get(stage, "-") for stage in COLUMN_OF)) for images, each in cells.items()]


def _cell(seconds: Sequence[float], failed: str = "") -> str:
    if not seconds:
        return "-"
    middle = median(seconds)
    time = f"{middle:.1f} s" if middle < _MINUTES_FROM_S else f"{middle / 60:.1f} min"
    wide = f" ({min(seconds):.1f}-{max(seconds):.1f})" if len(seconds) > 1 else ""
    return f"{time}{wide}{failed and ', '}{failed}"


def _columns(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def _told(failed: Sequence[int], rows: int) -> str:
    fewest, most = min(failed, default=0), max(failed, default=0)
    number = f"{most:,}" if fewest == most else f"{fewest:,}-{most:,}"
    return f"{number} of {rows:,} failed" if most > 0 else ""


def _csv_rows(result: SizingResult) -> Iterator[tuple[object, ...]]:
    for size in result.sizes:
        for stage in STAGES:
            if seconds := size.values(stage):
                measured = (round(value, 3) for value in (median(seconds), min(seconds), max(seconds)))
                rate, questions, rows_ok = (size.values(stage, name) for name in ("images_per_second", "questions", "rows_ok"))
                counts = (round(median(values)) if values else "" for values in (questions, rows_ok))
                yield size.images, "picsum-vision", stage, *measured, len(seconds), round(median(rate), 3), *counts
        yield from _reckoned("notebook here", size.images, notebook_seconds(result, size.images), notebook_rates(result))
    for images, known in PUBLISHED_S.items():
        rates = {stage: images / seconds for stage, seconds in known.items()}
        yield from _reckoned("notebook published", images, known, rates)


def _reckoned(method: str, images: int, known: Mapping[str, float], rates: Mapping[str, float]) -> Iterator[tuple[object, ...]]:
    for stage, seconds in known.items():
        yield images, method, stage, round(seconds, 3), "", "", "", round(rates.get(stage, 0.0), 3), "", ""


def _timed(result: SizingResult, rows: str) -> dict[str, list[tuple[int, float]]]:
    """Return by stage of the notebook's method how many of `rows` each repeat had, with its seconds."""
    notebook = result.notebook
    if notebook is None:
        return {}
    counts: dict[str, list[int]] = getattr(notebook, rows)
    return {stage: list(zip(counts.get(stage, ()), seconds, strict=False)) for stage, seconds in notebook.seconds.items()}


def _conditions(result: SizingResult) -> str:
    demand, own, target = (result.settings[name] for name in ("demand", "own_servers", "target"))
    images, model = f"images from {target['images']}", f"questions to {target['model']}"
    if own["images"]:
        images = f"servers of this suite with {demand['image_latency_s'] * 1_000:,.0f} ms for an image in two hops"
    if own["model"]:
        model = f"{demand['model_latency_s']:g} s for an answer"
    downloads, questions = demand["download_in_flight_per_task"], demand["describe_in_flight_per_task"]
    in_flight = f"{downloads} downloads and {questions} questions at once in each"
    return f"{images}, {model} on average; {demand['tasks']} tasks at once, {in_flight}"


def _ratios(result: SizingResult, size: SizeFigures) -> Iterator[str]:
    """Compare rows that are ok, by the second: a host that refuses nine of ten rows makes nobody ten times as fast."""
    found = []
    for stage, theirs in notebook_rates(result).items():
        ours = size.values(stage, "images_per_second")
        if ours and (ratio := median(ours) / theirs) > 0:
            found.append(f"{COLUMN_OF[stage]} {ratio:,.{0 if ratio >= _TWO_DIGITS else 1}f}")
    if found:
        yield f"{size.images:,} images, times as fast as the notebook's method here: {', '.join(found)}"


def _overheads(result: SizingResult, size: SizeFigures) -> str:
    """Say what stages and job took above what their requests wait by Little's law."""
    demand = Demand.of_result(result)
    if demand is None:
        return f"no overheads, no prediction: {LATENCY_UNKNOWN}"
    waits = {"urls": 0.0} | {name: getattr(demand, name).bare_s(size.images) for name in ("download", "describe")}
    parts = {stage: median(seconds) - wait_s for stage, wait_s in waits.items() if (seconds := size.values(stage))}
    both = (waits["download"], waits["describe"])
    # Fused, the longer of the two hides the other but for one wait.
    shorter_s = min(demand.image_latency_s, demand.model_latency_s)
    job_s = max(max(both) + shorter_s, demand.held.bare_s(size.images)) if demand.is_fused else sum(both)
    told = []
    if parts:
        words = " + ".join(f"{COLUMN_OF.get(stage, stage)} {seconds:.1f} s" for stage, seconds in parts.items())
        told.append(f"{words} = {sum(parts.values()):.1f} s by hand")
    if total := size.values("total"):
        told.append(f"the whole job {median(total) - job_s:.1f} s above {job_s:.1f} s of waiting")
    return f"overheads at {size.images:,} images, above the bare waiting for answers: {'; '.join(told)}"


def _of_notebook(result: SizingResult) -> Iterator[str]:
    notebook = result.notebook
    if notebook is None:
        return
    for stage, reason in notebook.left_out.items():
        yield f"the notebook's method, {COLUMN_OF[stage]}: not measured, {reason}"
    for stage, ok in notebook.rows_ok.items():
        if min(ok) < notebook.images:
            came_out = f"{min(ok)} of {notebook.images} rows came out"
            yield f"the notebook's method, {COLUMN_OF[stage]}: {came_out}, without a reason for the others"


def _not_asked(result: SizingResult) -> Iterator[str]:
    for size in result.sizes:
        asked = size.values("total", "questions") or size.values("describe", "questions")
        if asked and median(asked) < size.images:
            yield f"{size.images:,} images, {median(asked):,.0f} questions: the other rows shared an answer or had no image"


def _failures(result: SizingResult) -> Iterator[str]:
    for size in result.sizes:
        rows = sum((Counter(figures.by_status) for repeat in size.repeats for figures in repeat.values()), Counter[str]())
        failed = [f"{number:,} {status}" for status, number in rows.most_common() if status != "ok"]
        if failed:
            yield f"{size.images:,} images, rows that were not ok over all stages and repeats: {', '.join(failed)}"
