"""The model's constants, found from what was measured: what a job costs beside its waits, here.

Three are found from the totals of a suite (what a job takes at all, what each pass takes to start, what a row costs a task) and
two for each stage. The search is a plain grid with the smallest squared relative error: it always ends, and says the same twice.
"""

from __future__ import annotations

import dataclasses
import importlib.resources
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from picsum_vision.errors import SettingError
from picsum_vision.sizing.demand import LATENCY_UNKNOWN, Demand
from picsum_vision.sizing.figures import STAGES
from picsum_vision.sizing.job_time import job_seconds
from picsum_vision.sizing.memory import modelled_mb
from picsum_vision.sizing.model import stage_time
from picsum_vision.sizing.result import SizingResult, read_result

_STARTS_S: Final = tuple(0.05 * step for step in range(121))
_ROWS_S: Final = (0.0, *(0.00005 * 1.06**step for step in range(140)))
_LEAST_WORKER_MB: Final = 50.0
_DEFAULT: Final = "default_fit.json"


@dataclasses.dataclass(frozen=True, kw_only=True)
class StageFit:
    """A stage's constants: seconds that it takes to start and end, and seconds of one task's work for a row."""

    start_s: float
    row_s: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fit:
    """All constants. `job_s` is what a job takes beside its passes; `worker_base_mb` what a worker holds beside images.

    `jvm_mb` is the most that the JVM held, None where it was not measured.
    """

    urls_s: float
    download: StageFit
    describe: StageFit
    total: StageFit
    job_s: float
    worker_base_mb: float
    source: str
    jvm_mb: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for :meth:`from_dict`."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Fit:
        """Return what :meth:`as_dict` wrote."""
        stages = {name: StageFit(**plain[name]) for name in ("download", "describe", "total")}
        return cls(**{**plain, **stages})


@dataclasses.dataclass(frozen=True)
class Measured:
    """One measurement of a stage: under which demand, how many rows, how many seconds."""

    demand: Demand
    rows: int
    seconds: float


def default_fit() -> Fit:
    """Return the constants that the library brings along; `source` says where they are from. A suite of one's own is better."""
    text = importlib.resources.files("picsum_vision.sizing").joinpath(_DEFAULT).read_text(encoding="utf-8")
    return Fit.from_dict(json.loads(text))


def has_whole_job(result: SizingResult) -> bool:
    """Return whether the suite has measured a whole job, without which no constants can be found."""
    return bool(_measured(_with_terms([result]), "total"))


def fit_results(results: Iterable[SizingResult]) -> Fit | None:
    """Return the constants that suites show, None where none has measured a whole job whose latencies are known."""
    found = _with_terms(results)
    totals = _measured(found, "total")
    if not totals:
        return None
    known = default_fit()
    total, job_s = _fit_total(totals)
    download = _fit_stage(_measured(found, "download"), lambda each: each.demand.download_waits)
    describe = _fit_stage(_measured(found, "describe"), lambda each: each.demand.describe_waits)
    guessed = " and ".join(name for name, fitted in (("download", download), ("describe", describe)) if fitted is None)
    urls = [each.seconds for each in _measured(found, "urls")]
    return Fit(
        urls_s=_middle(urls) if urls else known.urls_s,
        download=download or known.download,
        describe=describe or known.describe,
        total=total,
        job_s=job_s,
        worker_base_mb=_worker_base_mb(found) or known.worker_base_mb,
        jvm_mb=_jvm_mb(found),
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


def _with_terms(results: Iterable[SizingResult]) -> list[tuple[SizingResult, Demand]]:
    found = [(result, Demand.of_result(result)) for result in results]
    return [(result, demand) for result, demand in found if demand is not None]


def _measured(found: Sequence[tuple[SizingResult, Demand]], stage: str) -> list[Measured]:
    return [
        Measured(demand, figures.rows, figures.seconds)
        for result, demand in found
        for size in result.sizes
        for figures in size.of(stage)
        if figures.problem is None and figures.rows_ok
    ]


def _fit_total(measured: Sequence[Measured]) -> tuple[StageFit, float]:
    found = []
    for start_s in _STARTS_S[::4]:
        for row_s in _ROWS_S[::2]:
            fit = StageFit(start_s=start_s, row_s=row_s)
            alone = [job_seconds(each.demand, each.rows, fit, 0.0, cold=False) for each in measured]
            error, job_s = _offset(measured, alone)
            found.append((error, start_s, row_s, job_s))
    _, start_s, row_s, job_s = min(found)
    return StageFit(start_s=start_s, row_s=row_s), job_s


def _fit_stage(measured: Sequence[Measured], waits: Callable[[Measured], Any]) -> StageFit | None:
    if not measured:
        return None
    found = []
    for row_s in _ROWS_S:
        alone = [stage_time(each.rows, waits(each), row_s, cold=False).seconds for each in measured]
        error, start_s = _offset(measured, alone)
        found.append((error, row_s, start_s))
    _, row_s, start_s = min(found)
    return StageFit(start_s=start_s, row_s=row_s)


def _offset(measured: Sequence[Measured], alone: Sequence[float]) -> tuple[float, float]:
    """Return the squared relative error that the best constant leaves, and that constant, at least 0."""
    weights = [1 / each.seconds**2 for each in measured]
    gaps = [weight * (each.seconds - seconds) for weight, each, seconds in zip(weights, measured, alone, strict=True)]
    offset = max(0.0, sum(gaps) / sum(weights))
    error = sum(
        weight * (each.seconds - seconds - offset) ** 2 for weight, each, seconds in zip(weights, measured, alone, strict=True)
    )
    return error, offset


def _worker_base_mb(found: Sequence[tuple[SizingResult, Demand]]) -> float | None:
    held = [
        peak_mb - modelled_mb(demand, stage)
        for result, demand in found
        for stage in ("download", "describe", "total")
        for peak_mb in _peaks_mb(result, stage, "python_worker")
    ]
    return max(_LEAST_WORKER_MB, *held) if held else None


def _jvm_mb(found: Sequence[tuple[SizingResult, Demand]]) -> float | None:
    peaks = [peak_mb for result, _ in found for stage in STAGES for peak_mb in _peaks_mb(result, stage, "jvm")]
    return max(peaks, default=None)


def _peaks_mb(result: SizingResult, stage: str, kind: str) -> list[float]:
    figures = [figures for size in result.sizes for figures in size.of(stage)]
    return [each.peak_memory_mb[kind] for each in figures if each.peak_memory_mb and kind in each.peak_memory_mb]


def _middle(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]
