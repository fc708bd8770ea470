"""The tasks that run together never have more than the bound that they share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from picsum_vision.spark import sharing
from picsum_vision.spark.sharing import spread

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
PARTITIONS = 100


def share(spark: SparkSession, partitions: int) -> float:
    _, shares = spread(spark.range(10), partitions, share_needed=True)
    return shares.of_rate


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
