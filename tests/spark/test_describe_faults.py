"""describe in Spark against an endpoint that goes wrong in every way at once."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from asking import picture

from picsum_vision import ChatCompletions, DescribeOptions, ListObjects, describe
from picsum_vision.testing.model_server import FaultKind, ModelFault, ModelServer

if TYPE_CHECKING:
    from pyspark.sql import Row, SparkSession

# py4j leaves the sockets of what it has collected to the garbage collector.
PY4J = "ignore:Exception ignored in.*socket:pytest.PytestUnraisableExceptionWarning"
pytestmark = [pytest.mark.spark, pytest.mark.filterwarnings(PY4J), pytest.mark.filterwarnings("ignore::ResourceWarning")]
ROWS = 2_000
DURATIONS_S = {FaultKind.HANG: 600.0, FaultKind.TRICKLE: 0.5}
# What a row may be without the model's having been paid for it, beside an answer that broke off (see `was_paid_for`).
UNPAID = {"rate_limited", "http_error", "auth", "refused", "timeout", "connect"}


def was_paid_for(row: Row) -> bool:
    """Return whether the endpoint began a 200 for this row, by what the outcome says."""
    outcome = row["describe_outcome"]
    return outcome["http_status"] == 200 or outcome["message"] == "the answer broke off"


@pytest.mark.slow
def test_every_fault_at_once(spark: SparkSession) -> None:
    """With a fault of each kind at 5 %, every row has one outcome, none is lost, and none is asked about after a paid answer."""
    faults = [ModelFault(kind, share=0.05, retry_after="silent", duration_s=DURATIONS_S.get(kind)) for kind in FaultKind]
    images = [picture(number) for number in range(ROWS)]
    df = spark.createDataFrame(list(enumerate(images)), "number INT, image_binary BINARY")
    options = DescribeOptions(max_attempts=3, request_timeout_s=3, max_in_flight_per_task=64)
    with ModelServer(faults=faults) as server:
        rows = describe(df, ChatCompletions(server.base_url, "test-vision"), task=ListObjects(), options=options).collect()
        stats = server.stats()
    answered = stats["answered_images"]
    assert sorted(row["number"] for row in rows) == list(range(ROWS))
    assert set(stats["faults"]) == {kind.value for kind in FaultKind}
    assert max(answered.values()) == 1
    assert {row["number"] for row in rows if was_paid_for(row)} == {
        number for number, image in enumerate(images) if hashlib.sha256(image).hexdigest() in answered
    }
    assert all(row["describe_outcome"]["status"] in UNPAID for row in rows if not was_paid_for(row))
    assert all((row["descrizione"] is not None) == (row["describe_outcome"]["status"] == "ok") for row in rows)
    assert sum(row["describe_outcome"]["attempts"] for row in rows) == stats["requests"]
    # What a half answer used, nobody was told.
    told = sum((row["describe_outcome"]["input_tokens"] or 0) for row in rows)
    assert 0 < told <= stats["tokens"]["prompt"]
