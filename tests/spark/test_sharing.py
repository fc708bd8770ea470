"""The tasks that run together never have more than the bound that they share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from picsum_vision.spark import sharing
from picsum_vision.spark.sharing import spread
from picsum_vision.spark.task_turn import turn_of_task

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
PARTITIONS = 100


def share(spark: SparkSession, partitions: int) -> float:
    return spread(spark.range(10), partitions, share_needed=True)[1]


def test_tasks_one_after_the_other_share_by_slots(spark: SparkSession) -> None:
    """Of many partitions those that run together share the rate, not all of them; of few partitions all do."""
    slots = spark.sparkContext.defaultParallelism
    assert share(spark.newSession(), PARTITIONS) == 1 / slots
    assert share(spark.newSession(), 1) == 1


def test_a_count_that_a_setting_has_made_is_not_trusted(spark: SparkSession) -> None:
    """Where a setting says into how many parts Spark spreads things, the slots are not known, and all partitions share."""
    session = spark.newSession()
    session.conf.set("spark.sql.leafNodeDefaultParallelism", "1")
    assert share(session, PARTITIONS) == 1 / PARTITIONS


def test_a_cluster_that_has_grown_is_counted_anew(spark: SparkSession) -> None:
    """Slots that were counted when the cluster was smaller are no measure for a bound."""
    session = spark.newSession()
    sharing._counted[session] = 1
    assert share(session, PARTITIONS) == 1 / spark.sparkContext.defaultParallelism


def test_tasks_that_begin_together_have_turns_of_their_own(spark: SparkSession) -> None:
    """Of eight partitions that share by four each turn comes twice, one partition after the other; outside of a task it is 0."""

    def turn(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield pa.RecordBatch.from_arrays([batch.column(0), pa.array([turn_of_task(1 / 4)])], names=["id", "turn"])

    rows = spark.range(0, 8, numPartitions=8).mapInArrow(turn, "id long, turn double").collect()
    assert [row.turn for row in sorted(rows)] == [0.0, 0.25, 0.5, 0.75] * 2
    assert turn_of_task(1 / 4) == 0
