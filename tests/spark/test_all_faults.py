"""The bad day: every fault at once, in Spark."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from expected_faults import EXPECTED, FAST, every_fault

from picsum_vision import DownloadOptions, download
from picsum_vision.testing.image_server import ImageServer

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROWS = 5_000
OPTIONS = DownloadOptions(
    **FAST, allow_private_addresses=True, max_retry_wait_s=30, max_redirects=3, max_in_flight_per_host_per_task=64
)


@pytest.mark.spark
@pytest.mark.slow
def test_a_run_with_all_faults_loses_no_row(spark: SparkSession) -> None:
    """With every kind of fault on a fifth of 5,000 rows each row has one outcome, made within its bounds of requests and time."""
    with ImageServer(faults=every_fault(0.2)) as host:
        numbers = spark.range(ROWS).repartition(4)
        urls = numbers.selectExpr("id", f"concat('{host.base_url}/seed/', id, '/60/40') AS image_url")
        rows = download(urls, options=OPTIONS).select("id", "download_outcome.*").collect()
        stats = host.stats()
    assert sorted(row.id for row in rows) == list(range(ROWS))
    counts = Counter(row.status for row in rows)
    # "connect" also stands for the surplus of a too short Content-Length where all of it came at once.
    assert set(counts) == {status for _, status, *_ in EXPECTED.values()}
    faulty = sum(stats["faults"].values())
    assert ROWS > counts["ok"] >= ROWS - faulty
    assert {row.attempts for row in rows} == {1, 2}
    attempts = sum(row.attempts for row in rows)
    most_hops = 1 + OPTIONS.max_redirects
    assert ROWS <= stats["requests"] <= 2 * attempts + most_hops * counts["redirect_loop"]
    # Within what the settings allow a row: all its attempts and all the waits between them.
    bound_s = OPTIONS.max_attempts * OPTIONS.total_timeout_s + OPTIONS.max_retry_wait_s
    assert max(row.elapsed_ms for row in rows) <= 1_000 * bound_s
