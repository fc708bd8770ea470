"""How the bounds of a whole job are shared by the tasks that run together."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from pyspark.sql import functions as F

from picsum_vision.describing.task_bounds import TaskBounds
from picsum_vision.spark.conf import session_setting, workers_are_here

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_ENOUGH_ROWS = 100_000
_PARTS_ARE_SET_BY = ("spark.default.parallelism", "spark.sql.leafNodeDefaultParallelism")
_UNBOUNDED = TaskBounds()
_counted: WeakKeyDictionary[SparkSession, int] = WeakKeyDictionary()


def tasks_at_once(spark: SparkSession) -> int:
    """Return how many tasks this session runs at the same time, as counted at the first call.

    Spark spreads a range over all its slots; counting the parts works on Connect and serverless too, where the cluster itself
    cannot be asked.
    """
    if spark not in _counted:
        _counted[spark] = max(1, spark.range(_ENOUGH_ROWS).select(F.spark_partition_id()).distinct().count())
    return _counted[spark]


def _surely_together(spark: SparkSession, partitions: int) -> int:
    """Return how many of the partitions may run at the same time at the most.

    All, where a setting and not the cluster says into how many parts Spark spreads a range; and what was counted when the cluster
    was smaller is counted anew.
    """
    if any(session_setting(spark, name) for name in _PARTS_ARE_SET_BY):
        return partitions
    if _counted.get(spark, partitions) < partitions:
        del _counted[spark]
    return min(partitions, tasks_at_once(spark))


def number_of_tasks(spark: SparkSession, partitions: int | None, bounds: TaskBounds) -> int:
    """Return into how many tasks rows are spread: without a number as many as run at once, and no more than the bounds allow."""
    if partitions is not None and bounds == _UNBOUNDED:
        return partitions  # without asking the cluster
    slots = tasks_at_once(spark)
    return bounds.fitted(partitions or slots, slots)


def tasks_of_a_chunk(spark: SparkSession, partitions: int | None, bounds: TaskBounds) -> int:
    """Return into how many tasks a chunk of a job is spread.

    Without a number as many as run at once. On this machine no more than it has cores: a local session has more slots than
    that, in which the next chunk begins while this one waits for its last answers, and rows are committed.
    """
    if partitions is None and workers_are_here(spark):
        partitions = min(tasks_at_once(spark), os.cpu_count() or 1)
    return number_of_tasks(spark, partitions, bounds)


def spread(
    df: DataFrame, partitions: int | None, *, share_needed: bool, may_be_told: bool = False, bounds: TaskBounds = _UNBOUNDED
) -> tuple[DataFrame, float]:
    """Return the DataFrame in its partitions, and one task's share of what the whole job may do in a minute.

    With a bound for the whole job and no number given there are as many partitions as tasks run at once, so that each task's
    share is known beforehand: the sum never exceeds the bound, and is the bound while all run. `bounds` make them fewer where a
    share would be too small. Who `may_be_told` a bound by the far side has a share of that; its rows are not moved for it.
    """
    if partitions is None and not share_needed:
        return df, 1 / tasks_at_once(df.sparkSession) if may_be_told else 1.0
    number = number_of_tasks(df.sparkSession, partitions, bounds)
    if share_needed and partitions is not None:
        together = _surely_together(df.sparkSession, number)
    else:
        together = min(number, tasks_at_once(df.sparkSession)) if share_needed or may_be_told else number
    return df.repartition(number), 1 / together
