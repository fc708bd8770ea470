"""Typed answers, several images a question, addresses instead of bytes, and what it will cost, in Spark."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from asking import picture

from picsum_vision import (
    ChatCompletions,
    ColumnError,
    DescribeOptions,
    Extract,
    PixelDescriber,
    SettingError,
    estimate_cost,
    group_images,
)
from picsum_vision.describing.tasks import Describe, Task
from picsum_vision.spark.bridge import ArrowBridge
from picsum_vision.spark.describe_stage import DescribeStage
from picsum_vision.spark.image_input import check_images
from picsum_vision.spark.schemas import described
from picsum_vision.testing.model_server import ModelServer

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession

# py4j leaves the sockets of what it has collected to the garbage collector.
PY4J = "ignore:Exception ignored in.*socket:pytest.PytestUnraisableExceptionWarning"
pytestmark = [pytest.mark.spark, pytest.mark.filterwarnings(PY4J), pytest.mark.filterwarnings("ignore::ResourceWarning")]
MODEL = "test-vision"


@pytest.fixture(scope="module")
def running() -> Iterator[ModelServer]:
    """Give a model server."""
    with ModelServer() as server:
        yield server


@pytest.fixture
def server(running: ModelServer) -> ModelServer:
    """Give it with its counts at zero."""
    running.reset_stats()
    return running


def rows_of(df: DataFrame, backend: ChatCompletions, column: str, task: Task | None = None, **options: Any) -> list[Row]:
    """Describe `column` as the transform does, and return the rows by their first column."""
    from pyspark.sql.types import StructField, StructType

    task = task or Describe()
    check_images(df, column, backend)
    stage = DescribeStage(backend=backend, task=task, options=DescribeOptions(**options), output_col="answer")
    added = described(task, "answer")
    schema = StructType([*df.schema.fields, *(StructField(name, kind) for name, kind in added.items())])
    found = df.mapInArrow(lambda batches: ArrowBridge[Any](stage.open(), column).process(batches), schema)
    return sorted(found.collect(), key=lambda row: row[0])


def test_extract_gives_a_typed_column(spark: SparkSession, server: ModelServer) -> None:
    """Extract's column has the schema's type in Spark, with fields that can be selected."""
    ddl = "colour STRING, people INT, share DECIMAL(5,2), seen DATE, "
    ddl += "boxes ARRAY<STRUCT<label: STRING, sure: BOOLEAN>>, by MAP<STRING, DOUBLE>"
    df = spark.createDataFrame([(1, picture(1)), (2, picture(2)), (3, None)], "number INT, image BINARY")
    rows = rows_of(df, ChatCompletions(server.base_url, MODEL), "image", Extract(ddl))
    assert [row["describe_outcome"]["status"] for row in rows] == ["ok", "ok", "no_image"]
    assert set(rows[0]["answer"].asDict()) == {"colour", "people", "share", "seen", "boxes", "by"}
    assert rows[2]["answer"] is None


def test_several_images_in_one_question(spark: SparkSession, server: ModelServer) -> None:
    """Images are grouped by key in their order, at most so many, and each group is one question."""
    data = [(key, number, picture(number) if number != 3 else None) for key in ("a", "b") for number in range(8)]
    df = spark.createDataFrame(data, "album STRING, number INT, image_binary BINARY")
    groups = group_images(df, "album", max_images=3, order_by="number")
    found = sorted(groups.collect(), key=lambda row: (row["album"], row["group_number"]))
    assert [(row["album"], row["group_number"], len(row["images"])) for row in found] == [
        ("a", 0, 3), ("a", 1, 3), ("a", 2, 1), ("b", 0, 3), ("b", 1, 3), ("b", 2, 1),
    ]  # fmt: skip
    assert [bytes(image) for image in found[1]["images"]] == [picture(4), picture(5), picture(6)]
    rows = rows_of(groups.coalesce(1), ChatCompletions(server.base_url, MODEL), "images")
    assert {row["describe_outcome"]["status"] for row in rows} == {"ok"}
    # Both albums hold the same pictures, so a question is asked once for both.
    assert server.stats()["requests"] == 3
    sent = {row["describe_outcome"]["image_bytes_sent"] for row in rows}
    assert sent == {0, *(sum(len(picture(number)) for number in group) for group in ((0, 1, 2), (4, 5, 6), (7,)))}


def test_the_models_limits_are_checked_before_anything_is_sent(spark: SparkSession, server: ModelServer) -> None:
    """Too many images, or too many bytes, are `too_large` without a request; NULL images of an array are left out."""
    many = [picture(number) for number in range(6)]
    data = [(0, many), (1, [None, many[0], None]), (2, [None]), (3, []), (4, None), (5, [b"broken", many[1]])]
    df = spark.createDataFrame(data, "number INT, images ARRAY<BINARY>")
    rows = rows_of(df, ChatCompletions(server.base_url, MODEL, max_images_per_request=5), "images")
    expected = ["too_large", "ok", "no_image", "no_image", "no_image", "not_an_image"]
    assert [row["describe_outcome"]["status"] for row in rows] == expected
    assert "max_images_per_request is 5" in rows[0]["describe_outcome"]["message"]
    assert server.stats()["requests"] == 1
    large = spark.createDataFrame([(0, [picture(1, 900, 900, "BMP")] * 40)], "number INT, images ARRAY<BINARY>")
    (row,) = rows_of(large, ChatCompletions(server.base_url, MODEL), "images", max_payload_bytes=1_000)
    assert (row["describe_outcome"]["status"], server.stats()["requests"]) == ("too_large", 1)


def test_addresses_are_sent_where_the_model_may_fetch_them(spark: SparkSession, server: ModelServer) -> None:
    """With send="url" the column's addresses are sent as they are, quotes and all, and no bytes."""
    df = spark.createDataFrame([(1, 'https://host/a?"b"=é'), (2, None)], "number INT, image_url STRING")
    rows = rows_of(df, ChatCompletions(server.base_url, MODEL, send="url"), "image_url")
    assert [row["describe_outcome"]["status"] for row in rows] == ["ok", "no_image"]
    assert rows[0]["describe_outcome"]["image_bytes_sent"] == 0
    assert server.stats()["bytes_received"] < 1_000


def test_columns_that_do_not_fit_the_backend_are_refused(spark: SparkSession) -> None:
    """A column of another type than the backend takes is refused on the driver, with what to do."""
    df = spark.createDataFrame([("u", b"x", [b"x"])], "url STRING, image BINARY, images ARRAY<BINARY>")
    chat, urls = ChatCompletions("http://host", "m"), ChatCompletions("http://host", "m", send="url")
    for column, backend in (("image", chat), ("images", chat), ("url", urls), ("image", PixelDescriber())):
        check_images(df, column, backend)
    for column, backend, words in (
        ("url", chat, "send='url'"),
        ("image", urls, "must be string"),
        ("images", PixelDescriber(), "several images"),
        ("missing", chat, "no column 'missing'"),
    ):
        with pytest.raises((ColumnError, SettingError), match=words):
            check_images(df, column, backend)


def test_an_estimate_comes_near_to_what_is_used(spark: SparkSession, server: ModelServer) -> None:
    """Over images of many sizes the estimated input tokens are within 5 % of what the server counts."""
    sizes = [(64, 48), (800, 600), (600, 800), (1024, 1024), (2000, 500), (3000, 2000), (300, 900)]
    images: list[Any] = [picture(number, *sizes[number % len(sizes)], "JPEG") for number in range(28)]
    df = spark.createDataFrame(list(enumerate([*images, None, b"broken"])), "number INT, image_binary BINARY")
    options = {"input_price_per_million_tokens": 2.0, "output_price_per_million_tokens": 8.0}
    backend = ChatCompletions(server.base_url, MODEL)
    estimate = estimate_cost(df, backend, options=DescribeOptions(**options), output_tokens_per_image=75)
    rows = rows_of(df, backend, "image_binary", **options)
    used = server.stats()["tokens"]
    assert (estimate.rows, estimate.questions) == (30, 28)
    assert estimate.input_tokens == pytest.approx(used["prompt"], rel=0.05)
    billed = (used["prompt"] * 2.0 + used["completion"] * 8.0) / 1e6
    assert estimate.cost is not None
    assert estimate.max_cost is not None
    assert estimate.cost == pytest.approx(billed, rel=0.2)
    assert billed <= estimate.max_cost
    assert sum(row["describe_outcome"]["input_tokens"] or 0 for row in rows) == used["prompt"]


def test_own_machines_cost_nothing(spark: SparkSession) -> None:
    """A backend that runs in the job's own workers is estimated at nothing."""
    df = spark.createDataFrame([(picture(1),)], "image_binary BINARY")
    assert estimate_cost(df, PixelDescriber()).cost == 0
