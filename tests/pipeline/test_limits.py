"""What the whole job may have open at once, over all its passes."""

from __future__ import annotations

import pytest
from whole_jobs import check_one_row_each, fresh_tables, job

import picsum_vision as pv
from picsum_vision.describing.task_bounds import dearest_question
from picsum_vision.outcomes import DESCRIBE_OUTCOME_DDL, DESCRIBE_OUTCOME_FIELDS
from picsum_vision.pipeline.chunks import Chunks
from picsum_vision.spark.staging import _SUMS
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


def test_questions_of_unknown_use_count_against_the_budget(spark):
    """A pass whose answers say nothing of their tokens leaves the next one less, as much as the dearest questions cost."""
    options = pv.DescribeOptions(max_cost_total=1.0, input_price_per_million_tokens=1.0, output_price_per_million_tokens=1.0)
    backend = pv.ChatCompletions("https://host/v1", "m")
    chunks = Chunks(spark, pv.PipelineConfig(backend=backend, describe=options), 2, options)
    chunks.spent(100_000, 100_000, 7)
    left = 1.0 - 0.2 - 7 * dearest_question(options, backend, pv.Describe())
    assert chunks._describe_options().max_cost_total == pytest.approx(left)


def test_which_questions_were_probably_billed(spark):
    """An answer without usage counts once and a timeout as often as it was tried; refusals and rows that asked nothing do not."""
    told = [
        {"status": "ok", "http_status": 200, "attempts": 3},
        {"status": "ok", "http_status": 200, "attempts": 1, "input_tokens": 5, "output_tokens": 5},
        {"status": "bad_schema", "http_status": 201, "attempts": 1, "input_tokens": 5},
        {"status": "timeout", "attempts": 4},
        {"status": "rate_limited", "http_status": 429, "attempts": 5},
        {"status": "no_image", "attempts": 0},
        {"status": "budget"},
    ]
    rows = [(tuple(one.get(name) for name in DESCRIBE_OUTCOME_FIELDS),) for one in told]
    df = spark.createDataFrame(rows, f"describe_outcome {DESCRIBE_OUTCOME_DDL}")
    assert df.selectExpr(_SUMS["uncounted"]).first()[0] == 1 + 1 + 4
