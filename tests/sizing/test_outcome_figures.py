"""What is read from the outcome columns of a stage's table."""

from __future__ import annotations

import pytest

from picsum_vision.sizing.stages import first_reason, outcome_figures

pytestmark = pytest.mark.spark
OUTCOME = (
    "describe_outcome STRUCT<status: STRING, attempts: INT, elapsed_ms: BIGINT, image_bytes_sent: BIGINT,"
    " input_tokens: BIGINT, output_tokens: BIGINT>"
)


def test_latency_is_that_of_answers(spark):
    """Refusals after two milliseconds and rows that nobody asked about are in no mean and no percentile; they are counted."""
    answered = [(("ok", 1, took_ms, 10, 5, 5),) for took_ms in (400, 500, 600)]
    failed = [(("auth", 1, 2, 10, None, None),)] * 50 + [(("timeout", 3, 90_000, 10, None, None),)] * 2
    shared = [(("ok", 0, 0, None, None, None),)] * 4
    found = outcome_figures(spark.createDataFrame(answered + failed + shared, OUTCOME), "describe_outcome")
    assert found["latency_ms"] == {"mean": 500.0, "p50": 500.0, "p95": 590.0, "p99": 598.0}
    assert (found["questions"], found["rows"], found["rows_ok"]) == (55, 59, 7)
    assert found["by_status"] == {"auth": 50, "ok": 7, "timeout": 2}


def test_where_no_row_is_ok_there_is_no_latency(spark):
    """The mean of refusals would be taken for the model's latency."""
    found = outcome_figures(spark.createDataFrame([(("auth", 1, 2, 10, None, None),)], OUTCOME), "describe_outcome")
    assert found["latency_ms"] == {}
    assert found["questions"] == 1


def test_the_reason_is_that_of_rows_that_had_an_image(spark):
    """Where the model refused the few rows with an image, the many without one are not what is told."""
    reasons = "describe_outcome STRUCT<status: STRING, http_status: INT, message: STRING>"
    rows = [(("no_image", None, "the image is NULL or empty"),)] * 9
    told = first_reason(spark.createDataFrame([*rows, (("auth", 401, "no such key"),)], reasons), "describe_outcome")
    assert told == "describe: none of the rows is ok; 1 are auth with HTTP 401: no such key"
    assert "9 are no_image" in first_reason(spark.createDataFrame(rows, reasons), "describe_outcome")
