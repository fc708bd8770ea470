"""The files of a result: the table in its forms, where it was measured, and plots: seconds by images, images done over time."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any, Final

from picsum_vision.errors import MissingExtraError
from picsum_vision.sizing.result import SizingResult
from picsum_vision.sizing.summary import (
    COLUMN_OF,
    PUBLISHED_S,
    failed_rows,
    failed_rows_of_notebook,
    notebook_seconds,
    table_files,
)

_COLOURS: Final = {"download": "#0072b2", "describe": "#d55e00", "total": "#222222"}
_DPI: Final = 130


def require_matplotlib() -> None:
    """Raise MissingExtraError where matplotlib is not installed."""
    if importlib.util.find_spec("matplotlib") is None:
        raise MissingExtraError("matplotlib", "bench")


def write_artefacts(result: SizingResult, folder: Path) -> list[Path]:
    """Write the files and return their paths."""
    installed = {f"{each.metadata['Name']}=={each.version}" for each in metadata.distributions() if each.metadata["Name"]}
    texts = {
        **table_files(result),
        "environment.json": json.dumps(result.environment, indent=1) + "\n",
        "requirements.txt": "\n".join(sorted(installed)) + "\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [result.write(folder), *(folder / name for name in texts), *plot_files(result, folder)]


def plot_files(result: SizingResult, folder: Path) -> Iterator[Path]:
    """Write the plots that there are figures for; those of a suite before go."""
    for name in ("table.png", "progress.png"):
        (folder / name).unlink(missing_ok=True)
    if any(size.of(stage) for size in result.sizes for stage in COLUMN_OF):
        yield _seconds_by_images(result, folder / "table.png")
    if any(figures.series for size in result.sizes for repeat in size.repeats for figures in repeat.values()):
        yield _progress(result, folder / "progress.png")


def _seconds_by_images(result: SizingResult, path: Path) -> Path:
    figure, axes = _figure()
    for stage, word in COLUMN_OF.items():
        measured = [(size.images, seconds) for size in result.sizes if (seconds := size.values(stage))]
        if measured:
            images, medians = [images for images, _ in measured], [median(seconds) for _, seconds in measured]
            below = [median(seconds) - min(seconds) for _, seconds in measured]
            above = [max(seconds) - median(seconds) for _, seconds in measured]
            label = f"{word}, here{_failed(failed_rows(size, stage) for size in result.sizes)}"
            axes.errorbar(images, medians, [below, above], color=_COLOURS[stage], marker="o", capsize=3, label=label)
        known = [(size.images, notebook_seconds(result, size.images).get(stage)) for size in result.sizes]
        shown = [(images, seconds) for images, seconds in known if seconds is not None]
        failed = _failed([failed_rows_of_notebook(result, stage)])
        _line(axes, shown, stage, ":", f"{word}, the notebook's method here{failed}")
        _line(axes, [(images, values[stage]) for images, values in PUBLISHED_S.items()], stage, "--", f"{word}, as published")
    axes.set(xscale="log", yscale="log", xlabel="images", ylabel="seconds", title="From URLs to descriptions")
    ticks = sorted({*PUBLISHED_S, *(size.images for size in result.sizes)})
    axes.set_xticks(ticks, [f"{images:,}" for images in ticks])
    axes.minorticks_off()
    return _saved(figure, axes, path)


def _line(axes: Any, points: Sequence[tuple[int, float]], stage: str, style: str, label: str) -> None:
    if points:
        axes.plot(*zip(*points, strict=True), style, color=_COLOURS[stage], marker=".", alpha=0.6, label=label)


def _failed(told: Iterable[str]) -> str:
    """Return what stands behind a line's name where rows failed; of several sizes the largest's."""
    return next((f" ({words})" for words in reversed([*told]) if words), "")


def _progress(result: SizingResult, path: Path) -> Path:
    figure, axes = _figure()
    size = max((size for size in result.sizes if size.repeats and size.repeats[0]), key=lambda each: each.images)
    for stage, word in COLUMN_OF.items():
        figures = size.of(stage)
        if figures and figures[0].series:
            moments, done, _ = zip((0.0, 0, 0), *figures[0].series, strict=True)
            axes.plot(moments, done, color=_COLOURS[stage], label=f"{word}{_failed([failed_rows(size, stage)])}")
    axes.set(xlabel="seconds since the stage began", ylabel="images done", title=f"{size.images:,} images, first repeat")
    return _saved(figure, axes, path)


def _figure() -> tuple[Any, Any]:
    """Return a figure of its own: pyplot's state is the user's."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - an extra

    figure = Figure(figsize=(8, 5.5), layout="constrained")
    return figure, figure.subplots()


def _saved(figure: Any, axes: Any, path: Path) -> Path:
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize="small")
    figure.savefig(path, dpi=_DPI)
    return path
