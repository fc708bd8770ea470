"""When rows were finished, and how long each took; counted by Spark."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_MICROSECONDS: Final = 1_000_000
_COARSE_BINS: Final = 2_000
_BARS: Final = 60
# A pause of so long parts two runs.
_PAUSE_US: Final = 300 * _MICROSECONDS
_BINS_AN_OCTAVE: Final = 2
_SHARES: Final = (0.5, 0.9, 0.95, 0.99)


def throughput(rows: DataFrame, outcome: str) -> dict[str, Any] | None:
    """Return rows by time in the longest stretch without a pause, None where no row has a moment.

    `bar_s` is the width of a bar in seconds, `other_rows` how many rows were finished in other runs.
    """
    moments = rows.select(F.unix_micros(f"{outcome}.finished_at").alias("us"), F.col(f"{outcome}.status").alias("status")).where(
        "us IS NOT NULL"
    )
    bounds = moments.agg(F.min("us"), F.max("us"), F.count("us")).collect()[0]
    if not bounds[2]:
        return None
    width = max(_MICROSECONDS, (bounds[1] - bounds[0]) // _COARSE_BINS + 1)
    coarse = moments.groupBy(F.floor((F.col("us") - bounds[0]) / width)).agg(F.min("us"), F.max("us"), F.count("us")).collect()
    first, last, number = longest_run([(row[1], row[2], row[3]) for row in coarse], pause_us=max(_PAUSE_US, 2 * width))
    bar_us = (last - first) // _BARS + 1
    counted = (
        moments.where(F.col("us").between(first, last))
        .groupBy(F.floor((F.col("us") - first) / bar_us).alias("bar"))
        .agg(F.sum((F.col("status") == "ok").cast("int")).alias("ok"), F.count("us").alias("rows"))
        .collect()
    )
    bars = {row["bar"]: (row["ok"], row["rows"] - row["ok"]) for row in counted}
    ok, failed = zip(*(bars.get(bar, (0, 0)) for bar in range((last - first) // bar_us + 1)), strict=True)
    return {
        "from_us": first,
        "seconds": (last - first) / _MICROSECONDS,
        "bar_s": bar_us / _MICROSECONDS,
        "ok": ok,
        "failed": failed,
        "other_rows": bounds[2] - number,
    }


def longest_run(bins: Iterable[tuple[int, int, int]], *, pause_us: int) -> tuple[int, int, int]:
    """Return first and last moment and the rows of the run with the most rows; bins are (first, last, rows)."""
    runs: list[tuple[int, int, int]] = []
    for first, last, rows in sorted(bins):
        if runs and first - runs[-1][1] <= pause_us:
            runs[-1] = (runs[-1][0], last, runs[-1][2] + rows)
        else:
            runs.append((first, last, rows))
    return max(runs, key=lambda run: run[2])


def latency(rows: DataFrame, outcome: str) -> dict[str, Any] | None:
    """Return shares and bins of the milliseconds a row took, None where none is known. Each bin is √2 times the last one."""
    column = f"{outcome}.elapsed_ms"
    took = rows.select(F.col(column).alias("ms")).where(f"{column} > 0")
    *shares, largest, number = took.agg(
        *(F.percentile_approx("ms", share) for share in _SHARES), F.max("ms"), F.count("ms")
    ).collect()[0]
    if not number:
        return None
    counted = took.groupBy(F.floor(F.log2("ms") * _BINS_AN_OCTAVE).alias("bin")).agg(F.count("ms").alias("rows")).collect()
    by_bin = {row["bin"]: row["rows"] for row in counted}
    bins = range(min(by_bin), max(by_bin) + 1)
    return {
        "rows": number,
        **{f"p{round(share * 100)}": value for share, value in zip(_SHARES, shares, strict=True)},
        "max": largest,
        "bins": [{"from_ms": math.pow(2, bin_ / _BINS_AN_OCTAVE), "rows": by_bin.get(bin_, 0)} for bin_ in bins],
    }
