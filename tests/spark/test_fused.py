"""Download and description in one stage: what is asked, what is counted, what is kept."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from picsum_vision import ChatCompletions, DescribeOptions, DownloadOptions, download_and_describe
from picsum_vision.testing.image_server import ImageServer
from picsum_vision.testing.model_server import Latency, ModelFault, ModelServer

if TYPE_CHECKING:
    from pyspark.sql import Row, SparkSession

# py4j leaves the sockets of what it has collected to the garbage collector.
PY4J = "ignore:Exception ignored in.*socket:pytest.PytestUnraisableExceptionWarning"
pytestmark = [pytest.mark.spark, pytest.mark.filterwarnings(PY4J), pytest.mark.filterwarnings("ignore::ResourceWarning")]
LOCAL = DownloadOptions(allow_private_addresses=True)


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    """Give a model server that takes a while, so that other rows find the question still open."""
    with ModelServer(latency=Latency(mean_s=0.1)) as running:
        yield running


@pytest.fixture(autouse=True)
def from_zero(model: ModelServer) -> None:
    """Count anew for each test."""
    model.reset_stats()


def rows_of(spark: SparkSession, host: ImageServer, model: ModelServer, numbers: list[int], **settings: Any) -> list[Row]:
    """Fetch and ask about these pictures, each at an address of its own, in one partition."""
    urls = [(place, f"{host.base_url}/id/{number}/64/48?copy={place}") for place, number in enumerate(numbers)]
    df = spark.createDataFrame(urls, "place INT, image_url STRING").coalesce(1)
    answers = download_and_describe(df, ChatCompletions(model.base_url, "test-vision"), download_options=LOCAL, **settings)
    return sorted(answers.collect(), key=lambda row: row["place"])


@pytest.mark.parametrize("keep_images", [False, True])
def test_the_same_picture_from_two_addresses_is_asked_about_once(
    spark: SparkSession, image_server: ImageServer, model: ModelServer, keep_images
) -> None:
    """Each distinct picture is asked about once wherever it came from: all its rows are filled, its tokens counted once."""
    numbers = [10 + place % 5 for place in range(60)]
    rows = rows_of(spark, image_server, model, numbers, keep_images=keep_images)
    stats = model.stats()
    assert len(rows) == 60
    assert {row["describe_outcome"]["status"] for row in rows} == {"ok"}
    assert all(row["descrizione"] == rows[row["place"] % 5]["descrizione"] for row in rows)
    assert len({row["descrizione"] for row in rows}) == 5
    assert stats["requests"] == 5
    assert set(stats["answered_images"].values()) == {1}
    assert sum(row["describe_outcome"]["attempts"] for row in rows) == 5
    assert sum(row["describe_outcome"]["input_tokens"] for row in rows) == stats["tokens"]["prompt"]
    assert sum(row["describe_outcome"]["output_tokens"] for row in rows) == stats["tokens"]["completion"]
    assert all(row["download_outcome"]["attempts"] == 1 for row in rows)
    if keep_images:
        assert all(row["image_binary"][:2] == b"\xff\xd8" for row in rows)


def test_each_row_is_asked_about_if_wanted(spark: SparkSession, image_server: ImageServer, model: ModelServer) -> None:
    """With deduplicate=False every row is asked about, the same picture and the same address too."""
    rows = rows_of(spark, image_server, model, [10] * 6, describe_options=DescribeOptions(deduplicate=False))
    assert sum(row["describe_outcome"]["attempts"] for row in rows) == model.stats()["requests"] == 6


def test_rows_that_share_a_question_share_its_failure(spark: SparkSession, image_server: ImageServer) -> None:
    """Where the one question fails for good, every row with the picture says so, and rows without a picture are no_image."""
    with ModelServer(faults=[ModelFault("unauthorized")], latency=Latency(mean_s=0.1)) as refusing:
        rows = rows_of(spark, image_server, refusing, [10] * 8 + [86] * 2)
        assert refusing.stats()["requests"] == 1
    assert [row["describe_outcome"]["status"] for row in rows] == ["auth"] * 8 + ["no_image"] * 2
    assert sum(row["describe_outcome"]["attempts"] for row in rows) == 1


def test_a_small_window_of_bytes_does_not_stop_rows_that_wait(
    spark: SparkSession, image_server: ImageServer, model: ModelServer
) -> None:
    """With room for a single picture the rows that wait for another one's answer hold up nobody, though bytes are kept."""
    tight = DownloadOptions(allow_private_addresses=True, window_bytes_per_task=1_000_000, max_bytes=1_000_000)
    urls = [(place, f"{image_server.base_url}/id/{10 + place % 2}/900/700?copy={place}") for place in range(30)]
    df = spark.createDataFrame(urls, "place INT, image_url STRING").coalesce(1)
    backend = ChatCompletions(model.base_url, "test-vision")
    rows = download_and_describe(df, backend, download_options=tight, keep_images=True).collect()
    assert {row["describe_outcome"]["status"] for row in rows} == {"ok"}
    assert sum(row["describe_outcome"]["attempts"] for row in rows) == model.stats()["requests"]


def test_the_model_need_not_wait_for_the_redirects_of_all_rows(spark: SparkSession, model: ModelServer) -> None:
    """The first image comes to the model after its own two requests, though no more rows come after those of the window."""
    questions, until_then, is_over = 0, 0, threading.Event()
    with ImageServer(latency=Latency(mean_s=0.1)) as host:

        def watch() -> None:
            nonlocal questions, until_then
            while not questions and not is_over.wait(0.005):
                until_then = host.stats()["requests"]
                questions = model.stats()["requests"]

        watcher = threading.Thread(target=watch)
        watcher.start()
        urls = [(place, f"{host.base_url}/seed/{place}/64/48") for place in range(200)]
        options = dataclasses.replace(LOCAL, max_in_flight_per_task=16, max_in_flight_per_host_per_task=16)
        df = spark.createDataFrame(urls, "place INT, image_url STRING").coalesce(1)
        answers = download_and_describe(df, ChatCompletions(model.base_url, "test-vision"), download_options=options)
        answered = answers.filter("describe_outcome.status = 'ok'").count()
        is_over.set()
        watcher.join()
        asked_of_host = host.stats()["requests"]
    assert (answered, asked_of_host) == (200, 400)
    assert questions > 0
    assert until_then < 150
