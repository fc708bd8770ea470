"""What all tests share: the properties' profile, and one Spark for those that need no Spark of their own."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from picsum_vision.testing.image_server import ImageServer

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# The wheel is judged on the same examples every time; whoever works on the code gets new ones with each run.
settings.register_profile("new examples", deadline=None)
settings.register_profile("same examples", deadline=None, derandomize=True)
settings.load_profile("same examples" if {"CI", "PICSUM_VISION_WHEEL"} & os.environ.keys() else "new examples")

# A script's background job ignores Ctrl-C, and so do all its children; some tests interrupt processes of their own.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """Give the one session of this process: two cores, Iceberg tables in a folder of their own, Delta tables by path.

    It is a classic one; with PICSUM_VISION_TEST_REMOTE=local[2] it is one of Spark Connect.

    Whoever writes tables takes a schema of their own; whoever needs other settings starts a process of their own.
    """
    # Most tests need no Spark.
    from picsum_vision.spark.jars import COORDINATES
    from picsum_vision.spark.session import local_session, spark_installation

    session = local_session(
        tmp_path_factory.mktemp("warehouse"),
        **({"remote": remote} if (remote := os.environ.get("PICSUM_VISION_TEST_REMOTE")) else {"master": "local[2]"}),
        driver_memory="2g",
        extra_conf={
            "spark.sql.shuffle.partitions": "2",
            "spark.jars.packages": ",".join(
                [COORDINATES[spark_installation().minor_version]["delta"], "org.xerial:sqlite-jdbc:3.46.1.3"]
            ),
            "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
            "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
            "spark.databricks.delta.snapshotPartitions": "2",
            "spark.sql.sources.parallelPartitionDiscovery.parallelism": "4",
            "spark.executorEnv.MODEL_API_KEY": "a-key",  # where the documentation's examples read it
        },
    )
    yield session
    session.stop()


@pytest.fixture(scope="session")
def image_server() -> Iterator[ImageServer]:
    """Give an image server without faults or latency; whoever counts its requests starts one of their own."""
    with ImageServer() as server:
        yield server
