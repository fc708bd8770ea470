"""What can be told of a job's rows without looking at a picture: the table `image_quality`, and a line of the report."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from pyspark.sql import functions as F

from picsum_vision.pipeline.question import Question
from picsum_vision.spark.tables import TableStore
from picsum_vision.sql_text import literal
from picsum_vision.table_columns import KEY

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

TABLE: Final = "image_quality"
SMALL_SIDE_PX: Final = 64
_COMMENT: Final = "What can be told of the rows of each run, one row a measure"
_COLUMNS: Final = (
    ("run_id", "STRING", "The run, see image_runs"),
    ("checked_at", "TIMESTAMP", "By the driver's clock"),
    ("measure", "STRING", "What was counted"),
    ("value", "DOUBLE", "How many rows, or a share from 0 to 1"),
    ("meaning", "STRING", "The rule"),
)
MEANINGS: Final = {
    "rows": "addresses that were asked for and have a row in image_codes",
    "ok_share": "the share of them whose describe_outcome.status is ok",
    "empty_descriptions": "rows with status ok and nothing but white space in descrizione",
    "repeated_descriptions": "rows whose descrizione another picture (by sha256) has, too",
    "duplicate_pictures": "rows whose picture (by sha256) has a row under another address already",
    "small_pictures": f"pictures whose shorter side has less than {SMALL_SIDE_PX} pixels",
}


def measured(store: TableStore, asked: DataFrame, question: Question, *, unknown_counts: bool) -> dict[str, float]:
    """Return each measure's value over the rows that were asked for; no image is read."""
    images = store.among("image_codes", asked).select(
        KEY,
        F.col("download_outcome.sha256").alias("picture"),
        F.least("download_outcome.width", "download_outcome.height").alias("side"),
    )
    answers = store.read("image_desc").where(question.is_of_row(unknown_counts=unknown_counts))
    answers = answers.select(
        F.col(KEY).alias("answered_key"),
        "descrizione",
        F.coalesce(F.col("describe_outcome.status"), F.lit("ok")).alias("status"),
    )
    rows = images.join(answers, F.col(KEY).eqNullSafe(F.col("answered_key")), "left")
    is_ok, is_empty = F.col("status") == "ok", F.trim(F.coalesce("descrizione", F.lit(""))) == ""
    # Grouped by the text first: what repeats is known of each group, and only sums are left.
    texts = rows.groupBy("descrizione").agg(
        F.count(F.lit(1)).alias("rows"),
        F.count(F.when(is_ok, 1)).alias("ok"),
        F.count(F.when(is_ok & is_empty, 1)).alias("empty"),
        F.count(F.when(F.col("side") < SMALL_SIDE_PX, 1)).alias("small"),
        F.countDistinct("picture").alias("pictures"),
    )
    repeated = F.when((F.col("pictures") > 1) & (F.trim("descrizione") != ""), F.col("ok")).otherwise(0)
    sums = texts.agg(F.sum("rows"), F.sum("ok"), F.sum("empty"), F.sum(repeated), F.sum("small")).collect()[0]
    number, ok, empty, again, small = (value or 0 for value in sums)
    pictures = images.agg(F.count("picture"), F.countDistinct("picture")).collect()[0]
    values = (number, ok / number if number else 1.0, empty, again, pictures[0] - pictures[1], small)
    return dict(zip(MEANINGS, map(float, values), strict=True))


def keep(spark: SparkSession, store: TableStore, run_id: str, values: dict[str, float]) -> None:
    """Add a run's measures to the table."""
    store.create(TABLE, _COLUMNS, _COMMENT)
    now = literal(dt.datetime.now(dt.timezone.utc).isoformat())
    lines = ", ".join(f"({literal(name)}, {value!r}D, {literal(MEANINGS[name])})" for name, value in values.items())
    statement = (
        f"SELECT {literal(run_id)} AS run_id, CAST({now} AS TIMESTAMP) AS checked_at, measure, value, meaning "  # noqa: S608 - escaped
        f"FROM VALUES {lines} AS measures(measure, value, meaning)"
    )
    store.append_anew(TABLE, lambda: spark.sql(statement))
