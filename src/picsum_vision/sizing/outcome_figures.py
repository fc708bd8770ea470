"""What the outcome columns of a stage's table say, by SQL: on classic Spark, Connect and serverless alike."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_PERCENTILES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
_SERIES_POINTS: Final = 120
_FINEST_S: Final = 0.25
_SUMS: Final = {
    "download_outcome": {"bytes": "bytes"},
    "describe_outcome": {"bytes": "image_bytes_sent", "input_tokens": "input_tokens", "output_tokens": "output_tokens"},
}


def outcome_figures(rows: DataFrame, outcome: str) -> dict[str, Any]:
    """Return rows, rows by status, latency (ms) and sums of one outcome column, named as in StageFigures.

    Latency is that of rows that are ok: a refusal after two milliseconds, or a host's silence until the timeout, is no answer's.
    """
    at = ", ".join(str(point) for point in _PERCENTILES.values())
    sums = [F.sum(f"{outcome}.{field}").alias(name) for name, field in _SUMS[outcome].items()]
    asked = F.col(f"{outcome}.attempts") > 0
    answered = asked & (F.col(f"{outcome}.status") == "ok")
    elapsed = F.when(answered, F.col(f"{outcome}.elapsed_ms")).alias("elapsed_ms")
    whole = rows.select(outcome, elapsed).agg(
        F.expr(f"percentile(elapsed_ms, array({at}))").alias("percentiles"),
        F.avg("elapsed_ms").alias("mean"),
        F.count_if(asked).alias("asked"),
        *sums,
    )
    found = whole.collect()[0]
    by_status = {
        row["status"] or "": row["rows"]
        for row in rows.groupBy(F.col(f"{outcome}.status").alias("status")).agg(F.count(F.lit(1)).alias("rows")).collect()
    }
    latency = (
        {} if found["mean"] is None else {"mean": found["mean"], **dict(zip(_PERCENTILES, found["percentiles"], strict=True))}
    )
    return {
        "rows": sum(by_status.values()),
        "rows_ok": by_status.get("ok", 0),
        "by_status": dict(sorted(by_status.items(), key=lambda pair: (-pair[1], pair[0]))),
        "latency_ms": {name: round(float(value), 1) for name, value in latency.items()},
        **({"questions": found["asked"]} if outcome == "describe_outcome" else {}),
        **{name: found[name] for name in _SUMS[outcome]},
    }


def series(rows: DataFrame, outcome: str, began_at_s: float, seconds: float) -> tuple[tuple[float, int, int], ...]:
    """Return, for moments in seconds since `began_at_s` (Unix time), the rows done until then and the rows being worked on.

    Each row says itself when it was finished and how long it took, by the clock of the machine that did it.
    """
    step_s = max(_FINEST_S, math.ceil(seconds / _SERIES_POINTS / _FINEST_S) * _FINEST_S)
    ended_s = F.unix_micros(f"{outcome}.finished_at") / 1_000_000 - F.lit(began_at_s)
    times = rows.where(F.col(f"{outcome}.attempts") > 0).select(
        ended_s.alias("ended_s"), (ended_s - F.col(f"{outcome}.elapsed_ms") / 1_000).alias("begun_s")
    )
    begun = times.select(F.floor(F.col("begun_s") / step_s).alias("slot"), F.lit(0).alias("done"), F.lit(1).alias("busy"))
    ended = times.select(F.floor(F.col("ended_s") / step_s).alias("slot"), F.lit(1).alias("done"), F.lit(-1).alias("busy"))
    changes = begun.unionByName(ended).groupBy("slot").agg(F.sum("done").alias("done"), F.sum("busy").alias("busy"))
    by_slot = {row["slot"]: (row["done"], row["busy"]) for row in changes.where(F.col("slot").isNotNull()).collect()}
    points, done, busy = [], 0, 0
    for slot in range(min(by_slot, default=0), max(by_slot, default=-1) + 1):
        more, change = by_slot.get(slot, (0, 0))
        done, busy = done + more, busy + change
        points.append((round((slot + 1) * step_s, 3), done, busy))
    return tuple(points)


def first_reason(rows: DataFrame, outcome: str) -> str:
    """Return in one line what became of most rows, with one row's words; rows without an image come last."""
    status, message = F.col(f"{outcome}.status"), F.col(f"{outcome}.message")
    code = F.col(f"{outcome}.http_status")
    counted = rows.groupBy(status.alias("status")).agg(
        F.count(F.lit(1)).alias("rows"), F.first(message, ignorenulls=True).alias("message"), F.max(code).alias("code")
    )
    found = counted.orderBy(F.col("status") == "no_image", F.desc("rows")).first()
    if found is None:
        return "no rows"
    word = "download" if outcome == "download_outcome" else "describe"
    http = f" with HTTP {found['code']}" if found["code"] else ""
    return f"{word}: none of the rows is ok; {found['rows']:,} are {found['status']}{http}: {found['message'] or 'no message'}"
