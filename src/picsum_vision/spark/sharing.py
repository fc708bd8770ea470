"""How the bounds of a whole job are shared by the tasks that run together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F  # noqa: N812 - Spark's own convention

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_ENOUGH_ROWS = 100_000


def tasks_at_once(spark: SparkSession) -> int:
    """Return how many tasks this session runs at the same time.

    Spark spreads a range over all its slots; counting the parts works on Connect and serverless too, where the cluster itself
    cannot be asked.
    """
    return max(1, spark.range(_ENOUGH_ROWS).select(F.spark_partition_id()).distinct().count())


def spread(df: DataFrame, partitions: int | None, *, share_needed: bool) -> tuple[DataFrame, float]:
    """Return the DataFrame in its partitions, and one task's share (0 to 1) of the whole job's bounds.

    With a bound for the whole job there are as many partitions as tasks run at once, so that each task's share is known
    beforehand: the sum never exceeds the bound, and is the bound while all run.
    """
    if partitions is None and not share_needed:
        return df, 1.0
    number = partitions or tasks_at_once(df.sparkSession)
    return df.repartition(number), 1.0 / (min(number, tasks_at_once(df.sparkSession)) if share_needed else number)
