"""A few described images on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picsum_vision.spark.tables import TableStore
from picsum_vision.table_columns import KEY

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from picsum_vision.table_names import Tables

_SAMPLES = 10


def print_samples(spark: SparkSession, tables: Tables) -> None:
    """Print ten rows of image_desc: the address, and the description or why there is none."""
    rows = (
        TableStore(spark, tables)
        .read("image_desc")
        .selectExpr(KEY, "descrizione", "describe_outcome.status AS status", "describe_outcome.message AS message")
    )
    for row in rows.limit(_SAMPLES).collect():
        print(f"{row[KEY]}\n    {row['descrizione'] or _reason(row['status'], row['message'])}")


def _reason(status: str | None, message: str | None) -> str:
    return f"({status}: {message})" if message else f"({status or 'no description'})"
