"""What a small whole job makes Spark do: jobs, and commits to its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import uuid4

import picsum_vision as pv
from picsum_vision.testing.image_server import ImageServer

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

IMAGES: Final = 20
_CATALOG: Final = "platform_catalog"


def job(spark: SparkSession) -> dict[str, float]:
    """Run a job into empty tables, and again with nothing to do; count both."""
    schema = f"guard_{uuid4().hex[:8]}"
    with ImageServer() as server:
        config = pv.PipelineConfig(
            images=IMAGES,
            by="seed",
            width=64,
            height=48,
            base_url=server.base_url,
            tables=pv.Tables(catalog=_CATALOG, schema=schema),
            download=pv.DownloadOptions(allow_private_addresses=True),
            partitions=2,
        )
        first_jobs = _jobs_of(spark, config)
        commits = _commits(spark, schema)
        counted = {"spark_jobs": first_jobs, "commits": commits, "requests": server.stats()["requests"]}
        again = {"spark_jobs_again": _jobs_of(spark, config), "commits_again": _commits(spark, schema) - commits}
        requests_again = {"requests_again": server.stats()["requests"] - counted["requests"]}
    _drop(spark, schema)
    return {name: float(value) for name, value in (counted | again | requests_again).items()}


def _jobs_of(spark: SparkSession, config: pv.PipelineConfig) -> int:
    tracker = spark.sparkContext.statusTracker()
    before = set(tracker.getJobIdsForGroup())
    report = pv.run_pipeline(spark, config)
    if report.describe.ok != IMAGES:
        raise SystemExit(f"the job has {report.describe.ok} of {IMAGES} descriptions")
    return len(set(tracker.getJobIdsForGroup()) - before)


def _commits(spark: SparkSession, schema: str) -> int:
    tables = [row["tableName"] for row in spark.sql(f"SHOW TABLES IN {_CATALOG}.{schema}").collect()]
    return sum(spark.table(f"{_CATALOG}.{schema}.{table}.snapshots").count() for table in tables)


def _drop(spark: SparkSession, schema: str) -> None:
    for row in spark.sql(f"SHOW TABLES IN {_CATALOG}.{schema}").collect():
        spark.sql(f"DROP TABLE {_CATALOG}.{schema}.{row['tableName']}")
    spark.sql(f"DROP SCHEMA {_CATALOG}.{schema}")
