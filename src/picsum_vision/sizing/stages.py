"""The stages of the job, each measured apart: `generate_urls`, `download` and `describe` into tables, and `run_pipeline`.

What came of the rows is read from the outcome columns by SQL: on classic Spark, Connect and serverless alike.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import time
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyspark.sql import functions as F

from picsum_vision.config import PipelineConfig
from picsum_vision.describing.spending import at_price_of, cost, price_factor
from picsum_vision.pipeline import run_pipeline
from picsum_vision.sizing.process_tree import watched, why_not_measured
from picsum_vision.sizing.result import StageFigures, StageName
from picsum_vision.sizing.settings import SizingConfig
from picsum_vision.sizing.target import Target
from picsum_vision.spark.generate import generate_urls
from picsum_vision.spark.sharing import tasks_at_once
from picsum_vision.spark.tables import TableStore
from picsum_vision.spark.transforms import describe, download
from picsum_vision.sql_text import identifier
from picsum_vision.table_names import Tables

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_PERCENTILES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
_SERIES_POINTS: Final = 120
_FINEST_S: Final = 0.25
_SUMS: Final = {
    "download_outcome": {"bytes": "bytes"},
    "describe_outcome": {"bytes": "image_bytes_sent", "input_tokens": "input_tokens", "output_tokens": "output_tokens"},
}


class Place(NamedTuple):
    """Two sets of tables in a schema that lives for one measurement: for the stages by hand, and for the whole job."""

    by_hand: TableStore
    job: TableStore


@dataclasses.dataclass(frozen=True)
class Stages:
    """Measures one stage after the other."""

    spark: SparkSession
    config: SizingConfig
    target: Target

    @contextlib.contextmanager
    def schema(self) -> Iterator[Place]:
        """Give a schema that nobody else has, with the job's tables, empty; all of it is dropped at the end."""
        where = {"catalog": self.config.catalog, "schema": f"sizing_{uuid.uuid4().hex[:12]}"}
        by_hand = TableStore(self.spark, Tables(**where))
        job = Tables(**where, image_urls="job_urls", image_codes="job_codes", image_desc="job_desc")
        by_hand.make_missing()
        try:
            yield Place(by_hand, TableStore(self.spark, job))
        finally:
            name = identifier(*where.values())
            for row in self.spark.sql(f"SHOW TABLES IN {name}").collect():
                self.spark.sql(f"DROP TABLE IF EXISTS {identifier(*where.values(), row['tableName'])}")
            self.spark.sql(f"DROP SCHEMA IF EXISTS {name}")

    @property
    def _pictures(self) -> dict[str, Any]:
        config = self.config
        return {"by": config.by, "width": config.width, "height": config.height, "base_url": self.target.base_url}

    def urls(self, images: int) -> DataFrame:
        """Return the addresses of so many images."""
        return generate_urls(self.spark, images, **self._pictures)

    def measure(self, stage: StageName, place: Place, images: int) -> StageFigures:
        """Run a stage and return its figures; what the figures themselves take is not in its time."""
        watch: AbstractContextManager[dict[str, Any]] = contextlib.nullcontext({}) if why_not_measured(self.spark) else watched()
        began_at_s, began_s = time.time(), time.monotonic()
        with watch as seen:
            self._work(stage, place, images)
            seconds = time.monotonic() - began_s
        told = self._told(stage, place, began_at_s, seconds)
        if told.get("questions") is not None:
            prices = at_price_of(self.config.describe_options, price_factor(self.target.backend))
            told["cost"] = cost(prices, told["input_tokens"], told["output_tokens"])
        return StageFigures(seconds=round(seconds, 4), began_at_s=began_at_s, **told, **seen)

    def _told(self, stage: StageName, place: Place, began_at_s: float, seconds: float) -> dict[str, Any]:
        """Return what the tables say of the rows."""
        store = place.job if stage == "total" else place.by_hand
        if stage == "urls":
            rows = store.read("image_urls").count()
            return {"rows": rows, "rows_ok": rows}
        codes, desc = store.read("image_codes"), store.read("image_desc")
        if stage == "download":
            return _of_rows(codes, "download_outcome", began_at_s, seconds)
        told = _of_rows(desc, "describe_outcome", began_at_s, seconds)
        if stage == "describe":
            return told
        fetched = outcome_figures(codes, "download_outcome")
        if not fetched["rows_ok"]:
            # Nobody was asked then: that the rows have no image is the host's doing, not the model's.
            told |= {"problem": first_reason(codes, "download_outcome"), "refused_at": "download"}
        latency = {f"describe_{name}": value for name, value in told["latency_ms"].items()}
        latency |= {f"download_{name}": value for name, value in fetched["latency_ms"].items()}
        # As many as there are addresses: rows that never got so far are no rows of the last table.
        return told | {"rows": store.read("image_urls").count(), "bytes": fetched["bytes"], "latency_ms": latency}

    def _work(self, stage: StageName, place: Place, images: int) -> None:
        config, backend, tables = self.config, self.target.backend, place.by_hand
        partitions = config.partitions or tasks_at_once(self.spark)
        if stage == "urls":
            tables.append("image_urls", self.urls(images))
        elif stage == "download":
            urls = tables.read("image_urls") if "urls" in config.stages else self.urls(images)
            tables.append("image_codes", download(urls, options=config.download_options, partitions=partitions))
        elif stage == "describe":
            came, options = tables.read("image_codes").select("image_url", "image_binary"), config.describe_options
            tables.append("image_desc", describe(came, backend, task=config.task, options=options, partitions=partitions))
        else:
            job = PipelineConfig(
                images=images,
                **self._pictures,
                tables=place.job.tables,
                backend=backend,
                task=config.task,
                download=config.download_options,
                describe=config.describe_options,
                partitions=partitions,
                checkpoint_interval_s=config.checkpoint_interval_s,
            )
            run_pipeline(self.spark, job)


def outcome_figures(rows: DataFrame, outcome: str) -> dict[str, Any]:
    """Return rows, rows by status, latency (ms) and sums of one outcome column, named as in StageFigures.

    Latency is that of rows that are ok: a refusal after two milliseconds, or a host's silence until the timeout, is no answer's.
    """
    points = ", ".join(map(str, _PERCENTILES.values()))
    status, asked = F.col(f"{outcome}.status"), F.col(f"{outcome}.attempts") > 0
    elapsed = F.when(asked & (status == "ok"), F.col(f"{outcome}.elapsed_ms")).alias("elapsed_ms")
    found = (
        rows.select(outcome, elapsed)
        .agg(
            F.expr(f"percentile(elapsed_ms, array({points}))").alias("percentiles"),
            F.avg("elapsed_ms").alias("mean"),
            F.count_if(asked).alias("questions"),
            *(F.sum(f"{outcome}.{field}").alias(name) for name, field in _SUMS[outcome].items()),
        )
        .collect()[0]
    )
    by_status = {row[0] or "": row[1] for row in rows.groupBy(status).agg(F.count(F.lit(1))).collect()}
    latency = (
        {} if found["mean"] is None else {"mean": found["mean"], **dict(zip(_PERCENTILES, found["percentiles"], strict=True))}
    )
    counted = (*_SUMS[outcome], *(["questions"] if outcome == "describe_outcome" else []))
    return {
        "rows": sum(by_status.values()),
        "rows_ok": by_status.get("ok", 0),
        "by_status": dict(sorted(by_status.items(), key=lambda pair: (-pair[1], pair[0]))),
        "latency_ms": {name: round(float(value), 1) for name, value in latency.items()},
        **{name: found[name] for name in counted},
    }


def _of_rows(rows: DataFrame, outcome: str, began_at_s: float, seconds: float) -> dict[str, Any]:
    told = outcome_figures(rows, outcome) | {"series": series(rows, outcome, began_at_s, seconds)}
    if told["rows_ok"]:
        return told
    return told | {"problem": first_reason(rows, outcome), "refused_at": outcome.removesuffix("_outcome")}


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
