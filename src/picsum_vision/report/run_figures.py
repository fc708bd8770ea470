"""The runs of a job, as `image_runs` has them: for the page, and in lines of text."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from picsum_vision.spark.run_table import RunRow


_MEGABYTE: Final = 1_000_000


def page_runs(runs: Sequence[RunRow]) -> list[dict[str, Any]]:
    """Return the runs as the page's script reads them."""
    return [{**dataclasses.asdict(run), "settings": None, "ok": _ok(run)} for run in runs]


def run_lines(runs: Sequence[RunRow]) -> list[str]:
    """Return the last run in full, and a line for each of those before it; nothing where no run is known."""
    if not runs:
        return []
    last, *earlier = runs
    lines = [f"last run: {last.run_id}, {_line(last)}"]
    if earlier:
        lines += ["earlier runs:", *(f"  {run.run_id[:8]}  {_line(run)}" for run in earlier)]
    return lines


def _line(run: RunRow) -> str:
    parts = [f"{_moment(run.started_us)}  {run.state}"]
    if run.rows is not None:
        parts.append(f"{run.rows:,} rows, {_ok(run) or 0:,} ok")
    if run.seconds is not None and run.images_per_second is not None:
        parts.append(f"{run.seconds:,.1f} s, {run.images_per_second:,.1f} images/s")
    if run.bytes:
        parts.append(f"{run.bytes / _MEGABYTE:,.1f} MB")
    if run.input_tokens:
        parts.append(f"{run.input_tokens:,} + {run.output_tokens or 0:,} tokens")
    if run.cost is not None:
        parts.append(f"cost {run.cost:,.4f}")
    return ", ".join([*parts, *(text for text in (run.message, run.stream and f"stream {run.stream}") if text)])


def _ok(run: RunRow) -> int | None:
    return None if run.describe_by_status is None else run.describe_by_status.get("ok", 0)


def _moment(us: int) -> str:
    return f"{dt.datetime.fromtimestamp(us / 1_000_000, dt.timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
