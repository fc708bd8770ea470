"""describe with a batch endpoint, in Spark."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from asking import picture
from batching import backend

from picsum_vision import (
    Classify,
    DescribeOptions,
    DownloadOptions,
    PipelineConfig,
    SettingError,
    Tables,
    describe,
    download_and_describe,
    estimate_cost,
    log_describer,
    register_ai_query,
    run_pipeline,
)
from picsum_vision.testing.image_server import ImageServer
from picsum_vision.testing.model_server import BatchFault, ModelFault, ModelServer

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# py4j leaves the sockets of what it has collected to the garbage collector.
PY4J = "ignore:Exception ignored in.*socket:pytest.PytestUnraisableExceptionWarning"
pytestmark = [pytest.mark.spark, pytest.mark.filterwarnings(PY4J), pytest.mark.filterwarnings("ignore::ResourceWarning")]
JOB = Path(__file__).parents[1] / "jobs" / "batch_job.py"


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    """Give a server that behaves."""
    with ModelServer() as running:
        yield running


def frame(spark: SparkSession, images: list[Any]) -> DataFrame:
    """Give numbered rows with these images."""
    return spark.createDataFrame(list(enumerate(images)), "number INT, image_binary BINARY")


def by_number(df: DataFrame) -> list[Any]:
    """Return the rows in the order of their numbers."""
    return sorted(df.collect(), key=lambda row: row["number"])


def test_every_row_comes_back_once_whatever_happens_to_its_batch(spark: SparkSession) -> None:
    """Of 200 rows in three files, out of order, with failing lines and an expired batch, each is back once, and paid once."""
    faults = [ModelFault("server_error", share=0.1, times=1), ModelFault("rate_limited", share=0.1, times=1)]
    batch_faults = [BatchFault("shuffled"), BatchFault("expired", times=1)]
    images = [picture(number) for number in range(200)]
    with ModelServer(faults=faults, batch_faults=batch_faults) as server:
        asked = backend(server.base_url, max_requests_per_file=70)
        rows = by_number(describe(frame(spark, [*images, None, b"nonsense"]), asked, partitions=1))
        stats = server.stats()
    assert [row["number"] for row in rows] == list(range(202))
    assert [row["image_binary"] for row in rows[:200]] == images
    assert [row["describe_outcome"]["status"] for row in rows] == ["ok"] * 200 + ["no_image", "not_an_image"]
    assert len({row["descrizione"] for row in rows[:200]}) == 200
    assert set(stats["answered_lines"].values()) == {1}
    assert set(stats["answered_images"].values()) == {1}
    assert stats["batches_created"] > 3
    assert sum(row["describe_outcome"]["input_tokens"] or 0 for row in rows) == stats["tokens"]["prompt"]
    assert list(rows[0].asDict()) == ["number", "image_binary", "descrizione", "describe_outcome"]


def test_a_second_action_and_other_partitions_pay_for_nothing(spark: SparkSession, server: ModelServer) -> None:
    """The same rows again, in another order, more of them, in more tasks: only what is new is submitted."""
    server.reset_stats()
    images = [picture(number) for number in range(40)]
    asked = backend(server.base_url)
    first = by_number(describe(frame(spark, images[:30]), asked, task=Classify()))
    lines = server.stats()["batch_lines"]
    again = by_number(describe(frame(spark, images[:30]).orderBy("image_binary"), asked, task=Classify()))
    assert lines == server.stats()["batch_lines"] == 30
    more = by_number(describe(frame(spark, images), asked, task=Classify(), partitions=3))
    assert server.stats()["batch_lines"] == 40
    assert (
        [row["descrizione"] for row in first]
        == [row["descrizione"] for row in again]
        == [row["descrizione"] for row in more[:30]]
    )
    assert set(server.stats()["answered_lines"].values()) == {1}


def test_no_task_reads_what_another_one_submitted(spark: SparkSession) -> None:
    """Tasks that start when others have ended read the answers to their own questions alone."""
    with ModelServer() as server:
        df = describe(frame(spark, [picture(number) for number in range(60)]), backend(server.base_url), partitions=6)
        assert {row["describe_outcome"]["status"] for row in df.collect()} == {"ok"}
        stats = server.stats()
    assert stats["batches_created"] == 6
    assert stats["by_route"]["/v1/files/{id}/content"] == 6


def test_the_same_picture_is_asked_about_once_in_the_whole_job(spark: SparkSession, server: ModelServer) -> None:
    """Rows with the same picture are in one task: one line answers all, and its tokens and attempts are counted once."""
    server.reset_stats()
    images = [picture(number % 5 + 500) for number in range(40)]
    rows = by_number(describe(frame(spark, images).repartition(8), backend(server.base_url)))
    assert server.stats()["batch_lines"] == 5
    assert all(row["descrizione"] == rows[row["number"] % 5]["descrizione"] for row in rows)
    assert sum(row["describe_outcome"]["input_tokens"] for row in rows) == server.stats()["tokens"]["prompt"]
    assert sum(row["describe_outcome"]["attempts"] for row in rows) == 5


def test_several_images_and_addresses(spark: SparkSession, server: ModelServer) -> None:
    """ARRAY<BINARY> is one question about all; with send="url" the addresses go."""
    arrays = spark.createDataFrame([(0, [picture(1), picture(2)]), (1, [])], "number INT, images ARRAY<BINARY>")
    rows = by_number(describe(arrays, backend(server.base_url), image_col="images"))
    assert "Immagine 2" in rows[0]["descrizione"]
    assert rows[1]["describe_outcome"]["status"] == "no_image"
    urls = spark.createDataFrame([(0, "https://host/1.jpg")], "number INT, url STRING")
    (row,) = describe(urls, backend(server.base_url, send="url"), image_col="url").collect()
    assert row["describe_outcome"]["status"] == "ok"


def test_no_rows_and_no_partitions(spark: SparkSession, server: ModelServer) -> None:
    """A DataFrame without rows gives none, and asks nothing."""
    server.reset_stats()
    assert describe(frame(spark, [None]).where("number > 5"), backend(server.base_url)).collect() == []
    assert server.stats()["requests"] == 0


def test_the_estimate_is_at_the_batch_price(spark: SparkSession) -> None:
    """What a batch costs is the price of the same questions, times the backend's factor."""
    options = DescribeOptions(input_price_per_million_tokens=1.0, output_price_per_million_tokens=2.0)
    costs = [
        estimate_cost(frame(spark, [picture(1)]), backend("https://host", price_factor=factor), options=options).cost
        for factor in (1.0, 0.5)
    ]
    assert costs[0] is not None
    assert costs[1] == pytest.approx(costs[0] / 2)


def test_download_and_then_describe(spark: SparkSession, server: ModelServer, image_server: ImageServer) -> None:
    """download_and_describe fetches first and then asks about all, with the same columns as for other backends."""
    urls = spark.createDataFrame(
        [(f"{image_server.base_url}/id/{number}/40/30",) for number in range(10, 16)], "image_url STRING"
    )
    options = DownloadOptions(allow_private_addresses=True)
    df = download_and_describe(urls, backend(server.base_url), download_options=options)
    assert df.columns == ["image_url", "download_outcome", "descrizione", "describe_outcome"]
    assert {row["describe_outcome"]["status"] for row in df.collect()} == {"ok"}


def test_the_whole_job_asks_once_for_all(spark: SparkSession) -> None:
    """run_pipeline downloads everything, then submits everything; a run ended before the answers is collected by the next."""
    prices = {"input_price_per_million_tokens": 100.0, "output_price_per_million_tokens": 200.0}
    with ImageServer() as images, ModelServer(batch_s=0.5) as server:
        job = {
            "images": 24,
            "start": 80,
            "width": 64,
            "height": 48,
            "base_url": images.base_url,
            "tables": Tables(schema=f"s_{uuid.uuid4().hex[:8]}"),
            "download": DownloadOptions(allow_private_addresses=True),
            "describe": DescribeOptions(**prices),
        }
        first = run_pipeline(spark, PipelineConfig(backend=backend(server.base_url, max_wait_s=0), **job))
        assert first.describe.by_status == {"timeout": 22, "no_image": 2}
        second = run_pipeline(spark, PipelineConfig(backend=backend(server.base_url), retry_failed=True, **job))
        stats = server.stats()
    assert second.describe.by_status == {"ok": 22, "no_image": 2}
    assert (stats["batch_lines"], set(stats["answered_lines"].values())) == (22, {1})
    paid = stats["tokens"]["prompt"] * 100 / 1e6 + stats["tokens"]["completion"] * 200 / 1e6
    assert second.describe.cost == pytest.approx(paid / 2)


def test_where_a_batch_cannot_stand(spark: SparkSession) -> None:
    """A SQL function, a logged model and a job without its images refuse the backend, on the driver, in one line."""
    asked = backend("https://host")
    with pytest.raises(SettingError, match="BatchChat"):
        register_ai_query(spark, asked)  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="BatchChat"):
        log_describer(asked)  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="keep_images"):
        PipelineConfig(backend=asked, keep_images=False)


def started(folder: Path, kind: str, address: str, server: ModelServer) -> subprocess.Popen[str]:
    """Start the job's file in a process of its own: a process holds one kind of session, and one is to be killed."""
    environment = {name: value for name, value in os.environ.items() if name != "PYSPARK_PYTHON"}
    words = [sys.executable, str(JOB), str(folder), kind, address, server.base_url]
    return subprocess.Popen(words, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.usefixtures("connect_port")
def test_a_job_that_is_killed_is_finished_by_another_on_spark_connect(tmp_path: Path) -> None:
    """Killed after it submitted and before it collected, a classic job leaves nothing that one on Spark Connect submits again."""
    with ModelServer(batch_s=15) as server:
        killed = started(tmp_path, "master", "local[2]", server)
        with contextlib.ExitStack() as cleaning:
            cleaning.callback(killed.communicate)
            cleaning.callback(killed.kill)
            while server.stats()["batches_created"] < 3:
                assert killed.poll() is None, killed.communicate()[1][-3000:]
                time.sleep(0.01)
        assert not server.stats()["batches_ended"]
        second = started(tmp_path, "remote", "local[2]", server)
        out, err = second.communicate(timeout=700)
        assert second.returncode == 0, err[-3000:]
        stats = server.stats()
    found = json.loads(out.strip().splitlines()[-1])
    assert "connect" in found["session"]
    assert (found["rows"], found["status"], found["answers"]) == (list(range(200)), {"ok": 200}, 200)
    assert found["input_tokens"] == stats["tokens"]["prompt"]
    assert stats["batch_lines"] == 200
    assert list(stats["answered_lines"].values()) == [1] * 200
    assert set(stats["answered_images"].values()) == {1}
