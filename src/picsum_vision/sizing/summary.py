"""A suite's result for a person: the table, how it compares, where the time goes, and how well it was predicted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from picsum_vision.html_text import html_line, html_table
from picsum_vision.sizing.model import LATENCY_UNKNOWN, Demand
from picsum_vision.sizing.table import HEADS, as_markdown, as_text, notebook_rates, tables

if TYPE_CHECKING:
    from picsum_vision.sizing.result import SizeFigures, SizingResult

_WORDS = {"urls": "urls", "download": "download", "describe": "inference"}


def summary(result: SizingResult) -> str:
    """Return it as text."""
    return "\n".join([as_text(result), "", *remarks(result)])


def summary_markdown(result: SizingResult) -> str:
    """Return it in Markdown: who finds only the table must not miss what is to be said about it."""
    return as_markdown(result) + "\n" + "".join(f"- {remark}\n" for remark in remarks(result))


def summary_html(result: SizingResult) -> str:
    """Return it as a notebook shows it."""
    shown = [html_line(title) + html_table(HEADS, rows) for title, rows in tables(result)]
    return "".join([*shown, *map(html_line, remarks(result))])


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
    if result.tracking.get("problem"):
        yield f"MLflow: {result.tracking['problem']}; the results are in {result.folder}"
    elif result.tracking.get("uri"):
        run = f"experiment {result.tracking['experiment']!r}, run {result.tracking.get('run_id')}"
        yield f"MLflow: {run}{_pages(result.tracking['uri'])}"


def _pages(uri: str) -> str:
    """Return how to look at a store that is a file; a server has its pages already."""
    return f"; its pages: mlflow ui --backend-store-uri {uri}" if uri.startswith("sqlite:") else ""


def _conditions(result: SizingResult) -> str:
    demand, own = result.settings["demand"], result.settings["own_servers"]
    images = (
        f"servers of this suite with {demand['image_latency_s'] * 1_000:,.0f} ms for an image in two hops"
        if own["images"]
        else f"images from {result.settings['target']['images']}"
    )
    model = (
        f"{demand['model_latency_s']:g} s for an answer" if own["model"] else f"questions to {result.settings['target']['model']}"
    )
    in_flight = (
        f"{demand['download_in_flight_per_task']} downloads and {demand['describe_in_flight_per_task']} questions at once in each"
    )
    return f"{images}, {model} on average; {demand['tasks']} tasks at once, {in_flight}"


def _ratios(result: SizingResult, size: SizeFigures) -> Iterator[str]:
    """Compare rows that are ok, by the second: a host that refuses nine of ten rows makes nobody ten times as fast."""
    found = []
    for stage, theirs in notebook_rates(result).items():
        ours = size.spread(stage, "images_per_second")
        if ours is not None and ours.median > 0:
            found.append(f"{_WORDS.get(stage, stage)} {_times(ours.median / theirs)}")
    if found:
        yield f"{size.images:,} images, times as fast as the notebook's method here: {', '.join(found)}"


def _times(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.1f}"  # noqa: PLR2004 - two digits are enough


def _overheads(result: SizingResult, size: SizeFigures) -> str:
    """Say what stages and job took above what their requests wait by Little's law."""
    demand = Demand.of_result(result)
    if demand is None:
        return f"no overheads, no prediction: {LATENCY_UNKNOWN}"
    waits = {"urls": 0.0} | {name: getattr(demand, name).bare_s(size.images) for name in ("download", "describe")}
    parts = {stage: spread.median - wait_s for stage, wait_s in waits.items() if (spread := size.spread(stage)) is not None}
    both = (waits["download"], waits["describe"])
    # Fused, the longer of the two hides the other but for one wait.
    shorter_s = min(demand.image_latency_s, demand.model_latency_s)
    job_s = max(max(both) + shorter_s, demand.held.bare_s(size.images)) if demand.is_fused else sum(both)
    words = " + ".join(f"{_WORDS[stage]} {seconds:.1f} s" for stage, seconds in parts.items())
    by_hand = f"{words} = {sum(parts.values()):.1f} s by hand" if parts else ""
    total = size.spread("total")
    job = "" if total is None else f"the whole job {total.median - job_s:.1f} s above {job_s:.1f} s of waiting"
    head = f"overheads at {size.images:,} images, above the bare waiting for answers"
    return f"{head}: {'; '.join(filter(None, (by_hand, job)))}"


def _of_notebook(result: SizingResult) -> Iterator[str]:
    notebook = result.notebook
    if notebook is None:
        return
    for stage, reason in notebook.left_out.items():
        yield f"the notebook's method, {_WORDS[stage]}: not measured, {reason}"
    for stage, ok in notebook.rows_ok.items():
        if min(ok) < notebook.images:
            came_out = f"{min(ok)} of {notebook.images} rows came out"
            yield f"the notebook's method, {_WORDS[stage]}: {came_out}, without a reason for the others"


def _not_asked(result: SizingResult) -> Iterator[str]:
    for size in result.sizes:
        asked = size.spread("total", "questions") or size.spread("describe", "questions")
        if asked is not None and asked.median < size.images:
            yield f"{size.images:,} images, {asked.median:,.0f} questions: the other rows shared an answer or had no image"


def _failures(result: SizingResult) -> Iterator[str]:
    for size in result.sizes:
        failed: dict[str, int] = {}
        for repeat in size.repeats:
            for figures in repeat.values():
                for status, rows in figures.by_status.items():
                    if status != "ok":
                        failed[status] = failed.get(status, 0) + rows
        if failed:
            words = ", ".join(f"{rows:,} {status}" for status, rows in sorted(failed.items(), key=lambda pair: -pair[1]))
            yield f"{size.images:,} images, rows that were not ok over all stages and repeats: {words}"
