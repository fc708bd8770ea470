"""The columns of the cases' tables: how each is called, and where its spread is found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

Contestant = Mapping[str, Any]

_RATIOS: Final[Mapping[str, tuple[str, Callable[[Contestant], Any]]]] = {
    "ratio": ("ratio of rates", lambda one: one["ratios"].get("rows_per_second")),
    "ratio_seconds": ("ratio of times", lambda one: one["ratios"].get("seconds")),
    "ratio_rows_per_client_cpu_second": ("ratio of rows per CPU s", lambda one: one["ratios"].get("rows_per_client_cpu_second")),
    "ratio_cpu_seconds_per_1000_rows": ("ratio of CPU s", lambda one: one["ratios"].get("cpu_seconds_per_1000_rows")),
}
_FIGURES: Final = {
    "rows_per_second": "rows/s",
    "rows_per_second_once_started": "rows/s once started",
    "rows_ok": "rows ok",
    "seconds_per_row": "s per row",
    "peak_in_flight": "peak in flight",
    "cpu_seconds_per_1000_rows": "CPU s per 1,000 rows",
    "rows_per_client_cpu_second": "rows per client CPU s",
    "python_worker_peak_rss_mb": "largest Python worker, MB",
    "main_peak_rss_mb": "its own process, MB",
    "jvm_peak_rss_mb": "JVM, MB",
    "wasted_share": "wasted share of requests",
    "share_of_ideal": "share of the ideal rate",
    "refused": "refused",
    "model_peak_in_flight": "peak in flight, model",
    "questions": "questions asked",
    "seconds": "seconds",
    "commits": "commits to the table of answers",
    "requests_per_row": "requests per row",
    "megabytes_sent_per_row": "MB sent per row",
}


def heading(column: str) -> str:
    """Return what stands over a column."""
    return _RATIOS[column][0] if column in _RATIOS else _FIGURES[column]


def spread_of(one: Contestant, column: str) -> Mapping[str, float] | None:
    """Return median, minimum and maximum of a contestant's column, None where it has none."""
    found: Mapping[str, float] | None = _RATIOS[column][1](one) if column in _RATIOS else one["summary"].get(column)
    return found
