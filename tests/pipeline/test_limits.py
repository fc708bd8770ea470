"""What the whole job may have open at once, over all its chunks."""

from __future__ import annotations

import pytest
from whole_jobs import check_one_row_each, fresh_tables, job, rows_of

import picsum_vision as pv
from picsum_vision.pipeline.chunks import Chunks
from picsum_vision.spark.staging import ChunkFigures
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


@pytest.mark.parametrize("partitions", [1, 2, 4])
def test_the_bound_on_the_cost_is_passed_by_one_request_at_most(spark, tmp_path, partitions):
    """Over tasks and chunks, at an endpoint that bills forty times the estimate; rows without room are `budget`, unasked."""
    tables = fresh_tables("iceberg", tmp_path)
    prices = {"input_price_per_million_tokens": 1_000.0, "output_price_per_million_tokens": 1_000.0}
    bound = 15.0
    with ImageServer() as images, ModelServer(models=["qwen-vl"], latency=Latency(mean_s=0.05)) as model:
        settings = job(
            tables,
            images,
            images=80,
            start=1,
            by="seed",
            partitions=partitions,
            checkpoint_interval_s=0.5,
            backend=pv.ChatCompletions(model.base_url, "qwen-vl"),
            describe=pv.DescribeOptions(max_cost_total=bound, max_output_tokens=100, deduplicate=False, **prices),
        )
        report = pv.run_pipeline(spark, settings)
        billed = model.stats()["tokens"]["total"] / 1_000
        requests = model.stats()["requests"]
    used = [row.describe_outcome for row in rows_of(spark, tables, "image_desc")]
    dearest = max((each.input_tokens + each.output_tokens) / 1_000 for each in used if each.status != "budget")
    assert set(report.describe.by_status) == {"ok", "budget"}
    assert report.describe.by_status["ok"] == requests
    assert all(each.attempts == 0 for each in used if each.status == "budget")
    assert bound - dearest <= billed <= bound + dearest


def test_what_a_chunk_has_learnt_is_the_next_ones(spark):
    """A chunk has what the ones before it have left, and knows their dearest answer and how many have told a price."""
    options = pv.DescribeOptions(max_cost_total=1.0, input_price_per_million_tokens=1.0, output_price_per_million_tokens=1.0)
    chunks = Chunks(spark, pv.PipelineConfig(backend=pv.ChatCompletions("https://host/v1", "m"), describe=options), 8)
    assert chunks.endpoint_in_doubt
    nothing = {"rows": 1, "spent": None, "dearest": None, "told": 0, "refusal": None}
    chunks.take_in(ChunkFigures((nothing, nothing | {"spent": 0.25, "dearest": 0.03, "told": 7})))
    chunks.take_in(ChunkFigures((nothing | {"spent": 0.25, "dearest": 0.02, "told": 1},)))
    assert chunks._describe_options().max_cost_total == pytest.approx(0.5)
    assert (chunks._terms.dearest, chunks._terms.told, chunks.endpoint_in_doubt) == (0.03, 8, False)
