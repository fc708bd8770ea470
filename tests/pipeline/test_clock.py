"""What is done is committed by the clock, whatever a chunk was planned to be."""

from __future__ import annotations

import pytest
from whole_jobs import check_one_row_each, fresh_tables, job, rows_of

import picsum_vision as pv
from picsum_vision.spark.tables import TableStore
from picsum_vision.testing.image_server import ImageServer
from picsum_vision.testing.latency import Latency
from picsum_vision.testing.model_server import ModelFault, ModelServer

pytestmark = pytest.mark.spark


@pytest.fixture
def tables(tmp_path) -> pv.Tables:
    """Give fresh tables."""
    return fresh_tables("iceberg", tmp_path)


def commits(spark, tables: pv.Tables, role: str) -> int:
    return spark.table(f"{TableStore(spark, tables).name(role)}.snapshots").count()


@pytest.mark.parametrize("keep_images", [True, False])
def test_a_slow_host_is_committed_again_and_again(spark, tables, keep_images):
    """A first chunk of many more rows than an interval holds is cut: commits come all the time, and nothing is asked twice."""
    slow = pv.DownloadOptions(allow_private_addresses=True, max_in_flight_per_task=2, total_timeout_s=60)
    with ImageServer(latency=Latency(mean_s=0.3, sigma=0)) as images, ModelServer(latency=Latency(mean_s=0.1)) as model:
        backend = pv.ChatCompletions(model.base_url, "test-vision")
        settings = {"images": 40, "by": "seed", "start": 1, "checkpoint_interval_s": 1, "keep_images": keep_images}
        alone = pv.DescribeOptions(deduplicate=False)
        report = pv.run_pipeline(spark, job(tables, images, backend=backend, download=slow, describe=alone, **settings))
        assert (report.rows, report.describe.ok) == (40, 40)
        assert images.stats()["requests"] == 2 * 40
        assert model.stats()["requests"] == 40
    check_one_row_each(spark, tables, 40)
    assert commits(spark, tables, "image_codes") > 3
    assert all((row.image_binary is not None) == keep_images for row in rows_of(spark, tables, "image_codes"))


def test_images_whose_model_keeps_silent_are_committed_without_their_answers(spark, tables):
    """While a model asks for silence, chunks end with the images alone; the answers come later, and no image twice."""
    busy = ModelFault("rate_limited", times=1, retry_after_s=4)
    with ImageServer() as images, ModelServer(faults=[busy]) as model:
        backend = pv.ChatCompletions(model.base_url, "test-vision")
        settings = {"images": 24, "by": "seed", "start": 1, "checkpoint_interval_s": 1}
        alone = pv.DescribeOptions(deduplicate=False)
        report = pv.run_pipeline(spark, job(tables, images, backend=backend, describe=alone, **settings))
        assert report.describe.by_status == {"ok": 24}
        assert images.stats()["requests"] == 2 * 24
    check_one_row_each(spark, tables, 24)
