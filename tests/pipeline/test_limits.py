"""What the whole job may have open at once, over all its passes."""

from __future__ import annotations

import pytest
from whole_jobs import check_one_row_each, fresh_tables, job

import picsum_vision as pv
from picsum_vision.testing.image_server import ImageServer
from picsum_vision.testing.latency import Latency
from picsum_vision.testing.model_server import ModelServer

pytestmark = pytest.mark.spark


def test_fewer_tasks_than_slots_are_never_doubled(spark, tmp_path):
    """With one task asked for, no second pass works beside the first: what one task may have open is all that is open."""
    tables = fresh_tables("iceberg", tmp_path)
    with ImageServer() as images, ModelServer(latency=Latency(mean_s=0.02)) as model:
        settings = job(
            tables,
            images,
            images=150,
            start=1,
            by="seed",
            partitions=1,
            checkpoint_interval_s=0.5,
            backend=pv.ChatCompletions(model.base_url, "test-vision"),
            describe=pv.DescribeOptions(max_in_flight_per_task=3, deduplicate=False),
        )
        report = pv.run_pipeline(spark, settings)
        assert model.stats()["peak_in_flight"] <= 3
        assert model.stats()["requests"] == 150
    assert report.describe.by_status == {"ok": 150}
    check_one_row_each(spark, tables, 150)
