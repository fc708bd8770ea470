"""What Spark does not want any more stops: no request stays open, none follows, and nothing is printed about it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from asking import picture

from picsum_vision import ChatCompletions, DescribeOptions, DownloadOptions, describe, download, download_udf
from picsum_vision.testing.image_server import Fault, ImageServer
from picsum_vision.testing.model_server import ModelFault, ModelServer

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.spark
# Far beyond what a test waits for silence: who does not notice the end is still asking then.
NEVER_S = 200
OPTIONS = DownloadOptions(allow_private_addresses=True, total_timeout_s=NEVER_S)
ASKING = DescribeOptions(request_timeout_s=NEVER_S)
PATIENCE_S = 30
NOISE = ("Broken pipe", "BrokenPipe", "flush the output", "pending", "Traceback")

Server = ImageServer | ModelServer


@pytest.fixture
def hosts() -> Iterator[tuple[ImageServer, ModelServer]]:
    """Serve pictures at once and numbers from 500 never; and a model that never answers about every other picture."""
    with (
        ImageServer(faults=[Fault(kind="hang_before_headers", path="/seed/[5-9]")]) as images,
        ModelServer(faults=[ModelFault("hang", share=0.5, duration_s=NEVER_S)]) as model,
    ):
        yield images, model


def urls(spark: SparkSession, host: ImageServer, numbers: range) -> DataFrame:
    return spark.createDataFrame([(f"{host.base_url}/seed/{number}/60/40",) for number in numbers], "image_url STRING").coalesce(
        1
    )


def downloading(spark: SparkSession, hosts: tuple[ImageServer, ModelServer]) -> tuple[DataFrame, Server]:
    return download(urls(spark, hosts[0], range(480, 700)), options=OPTIONS), hosts[0]


def with_the_udf(spark: SparkSession, hosts: tuple[ImageServer, ModelServer]) -> tuple[DataFrame, Server]:
    # The condition keeps Spark from taking the LIMIT before the downloads.
    fetched = urls(spark, hosts[0], range(480, 700)).select(download_udf(OPTIONS)("image_url").alias("fetched"))
    return fetched.where("fetched.download_outcome.status = 'ok'"), hosts[0]


def describing(spark: SparkSession, hosts: tuple[ImageServer, ModelServer]) -> tuple[DataFrame, Server]:
    images = spark.createDataFrame([(picture(number),) for number in range(120)], "image_binary BINARY").coalesce(1)
    return describe(images, ChatCompletions(hosts[1].base_url, "test-vision"), options=ASKING), hosts[1]


WORK = [downloading, with_the_udf, describing]


def requests_after_silence(host: Server) -> int:
    """Wait until no request is open, and return how many there were until then."""
    give_up_at_s = time.monotonic() + PATIENCE_S
    while host.stats()["in_flight"] and time.monotonic() < give_up_at_s:
        time.sleep(0.05)
    stats = host.stats()
    assert stats["in_flight"] == 0
    requests: int = stats["requests"]
    return requests


@pytest.mark.parametrize("work", WORK)
def test_a_satisfied_limit_stops_the_requests(
    spark: SparkSession, hosts: tuple[ImageServer, ModelServer], work: Callable[..., Any], capfd: pytest.CaptureFixture[str]
) -> None:
    """When LIMIT has its rows the open requests end and no more are sent, and no worker complains of a broken pipe."""
    rows, host = work(spark, hosts)
    assert len(rows.limit(5).collect()) == 5
    asked = requests_after_silence(host)
    # Another job in the meantime: whoever still asks has time to show.
    spark.range(1_000).repartition(2).count()
    time.sleep(0.5)
    assert host.stats()["requests"] == asked
    printed = capfd.readouterr().err
    assert [word for word in NOISE if word in printed] == [], printed


def test_a_worker_that_is_just_writing_stops_quietly(spark: SparkSession, capfd: pytest.CaptureFixture[str]) -> None:
    """A LIMIT that is reached while a worker writes more than anybody reads ends it without a word about a broken pipe."""
    with ImageServer(warm_sizes=[(1_600, 1_200)]) as host:
        numbers = [(f"{host.base_url}/seed/{number}/1600/1200",) for number in range(400)]
        rows = download(spark.createDataFrame(numbers, "image_url STRING").coalesce(1), options=OPTIONS)
        assert len(rows.limit(1).collect()) == 1
        requests_after_silence(host)
        # The worker's last words come when it ends, a moment after its requests.
        spark.range(1_000).repartition(2).count()
        time.sleep(1)
    printed = capfd.readouterr().err
    assert [word for word in NOISE if word in printed] == [], printed


@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize("interrupt", [True, False], ids=["interrupted", "not interrupted"])
def test_a_cancelled_job_group_stops_the_requests(
    spark: SparkSession,
    hosts: tuple[ImageServer, ModelServer],
    work: Callable[..., Any],
    interrupt: bool,  # noqa: FBT001 - drawn
) -> None:
    """After its group is cancelled, with its threads interrupted or not, a job's open requests end and no more are sent."""
    rows, host = work(spark, hosts)
    failures: list[BaseException] = []

    def run() -> None:
        try:
            spark.sparkContext.setJobGroup("to cancel", "hangs", interruptOnCancel=interrupt)
            rows.collect()
        except Exception as error:  # noqa: BLE001 - the cancellation, checked below
            failures.append(error)

    job = threading.Thread(target=run)
    job.start()
    give_up_at_s = time.monotonic() + 60
    while host.stats()["in_flight"] < 10 and time.monotonic() < give_up_at_s:
        time.sleep(0.1)
    spark.sparkContext.cancelJobGroup("to cancel")
    job.join(60)
    asked = requests_after_silence(host)
    time.sleep(0.5)
    assert host.stats()["requests"] == asked
    assert len(failures) == 1
