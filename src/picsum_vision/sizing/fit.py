"""The model's constants, found from what was measured: what a job costs beside its waits, here; and what they predict.

Two are found for each stage and for the whole job: its start, and what a row costs a task. The search is a plain grid with the
smallest squared relative error: it always ends, and says the same twice.
"""

from __future__ import annotations

import dataclasses
import importlib.resources
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median, median_high
from typing import Any, Final

from picsum_vision.errors import SettingError
from picsum_vision.sizing.model import LATENCY_UNKNOWN, Demand, job_time, stage_time
from picsum_vision.sizing.result import STAGES, SizingResult, StageFigures, read_result

_ROWS_S: Final = (0.0, *(0.00005 * 1.06**step for step in range(140)))
_LEAST_WORKER_MB: Final = 50.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class StageFit:
    """A stage's constants: seconds that it takes to start and end, and seconds of one task's work for a row."""

    start_s: float
    row_s: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fit:
    """All constants. `worker_base_mb` is what a worker holds beside images; `jvm_mb` the most of the JVM, None if unknown."""

    urls_s: float
    download: StageFit
    describe: StageFit
    total: StageFit
    worker_base_mb: float
    source: str
    jvm_mb: float | None = None

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Fit:
        """Return the constants that `dataclasses.asdict` made plain."""
        return cls(**{**plain, **{name: StageFit(**plain[name]) for name in ("download", "describe", "total")}})


def default_fit() -> Fit:
    """Return the constants that the library brings along; `source` says where they are from. A suite of one's own is better."""
    text = importlib.resources.files("picsum_vision.sizing").joinpath("default_fit.json").read_text(encoding="utf-8")
    return Fit.from_dict(json.loads(text))


def fit_results(results: Iterable[SizingResult]) -> Fit | None:
    """Return the constants that suites show, None where none has measured a whole job whose latencies are known."""
    found = [(result, demand) for result in results if (demand := Demand.of_result(result)) is not None]
    by_stage = {
        stage: [
            (demand, figures)
            for result, demand in found
            for size in result.sizes
            for figures in size.of(stage)
            if figures.problem is None and figures.rows_ok
        ]
        for stage in STAGES
    }
    total = _fit(by_stage["total"], "total")
    if total is None:
        return None
    known = default_fit()
    stages = {stage: _fit(measured, stage) for stage, measured in by_stage.items() if stage in ("download", "describe")}
    guessed = " and ".join(stage for stage, fitted in stages.items() if fitted is None)
    urls = [figures.seconds for _, figures in by_stage["urls"]]
    peaks = [(stage, demand, figures.peak_memory_mb or {}) for stage in STAGES for demand, figures in by_stage[stage]]
    workers = [
        peak["python_worker"] - demand.worker_mb(stage)
        for stage, demand, peak in peaks
        if "python_worker" in peak and stage != "urls"
    ]
    return Fit(
        urls_s=median_high(urls) if urls else known.urls_s,
        download=stages["download"] or known.download,
        describe=stages["describe"] or known.describe,
        total=total,
        worker_base_mb=max(_LEAST_WORKER_MB, *workers) if workers else known.worker_base_mb,
        jvm_mb=max((peak["jvm"] for _, _, peak in peaks if "jvm" in peak), default=None),
        source="fitted to "
        + ", ".join(f"suite {result.suite}" for result, _ in found if result.sizes)
        + (f"; {guessed} alone: {known.source}" if guessed else ""),
    )


def fit_named(paths: str | Path | Sequence[str | Path]) -> Fit:
    """Return the constants that named results show; raises SettingError, in one line, for one that shows none."""
    named = [paths] if isinstance(paths, (str, Path)) else list(paths)
    results = [read_result(path) for path in named]
    for path, result in zip(named, results, strict=True):
        if Demand.of_result(result) is None:
            raise SettingError(f"fit_from: {path}: {LATENCY_UNKNOWN}; nothing can be learnt from it")
    fit = fit_results(results)
    if fit is None:
        raise SettingError(f"fit_from: {', '.join(map(str, named))}: no whole job was measured there")
    return fit


def predictions(result: SizingResult, fit: Fit) -> list[dict[str, Any]]:
    """Return, for each size whose whole job was measured, prediction, measured median and error, and what it was fitted on."""
    demand = Demand.of_result(result)
    if demand is None:
        return []
    found = []
    for size in result.sizes:
        if values := size.values("total"):
            seconds, measured_s = job_time(demand, size.images, fit.total.start_s, fit.total.row_s).seconds, median(values)
            error = round(seconds / measured_s - 1, 4) if measured_s else None
            told = {"predicted_s": round(seconds, 3), "measured_s": round(measured_s, 3), "error": error}
            found.append({"images": size.images, **told, "fit": fit.source})
    return found


def _fit(measured: Sequence[tuple[Demand, StageFigures]], stage: str) -> StageFit | None:
    def alone_s(demand: Demand, rows: int, row_s: float) -> float:
        if stage == "total":
            return job_time(demand, rows, 0.0, row_s).seconds
        return stage_time(rows, getattr(demand, stage), row_s).seconds

    found = []
    weights = [1 / figures.seconds**2 for _, figures in measured]
    for row_s in _ROWS_S if measured else ():
        gaps = [figures.seconds - alone_s(demand, figures.rows, row_s) for demand, figures in measured]
        # The constant that leaves the smallest error, which is none below 0.
        start_s = max(0.0, sum(weight * gap for weight, gap in zip(weights, gaps, strict=True)) / sum(weights))
        error = sum(weight * (gap - start_s) ** 2 for weight, gap in zip(weights, gaps, strict=True))
        found.append((error, row_s, start_s))
    return StageFit(start_s=min(found)[2], row_s=min(found)[1]) if found else None
