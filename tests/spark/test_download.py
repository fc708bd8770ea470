"""Downloads as users ask for them: on DataFrames, in SQL, on streams; order, duplicates and cancellation."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from picsum_vision import DownloadOptions, SettingError, download, download_udf, load_images
from picsum_vision.testing.image_server import Fault, ImageServer, Latency

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.spark
LOCAL = DownloadOptions(allow_private_addresses=True)


@pytest.fixture(scope="module")
def server() -> Iterator[ImageServer]:
    """Serve pictures; number 86 is missing and 600 to 699 come late."""
    late = Fault(kind="straggler", path="/id/6\\d\\d/", delay_s=1.0)
    with ImageServer(faults=[late], latency=Latency(mean_s=0.005), missing_ids=[86]) as running:
        yield running


def frame(spark: SparkSession, server: ImageServer, numbers: list[int], partitions: int = 2) -> DataFrame:
    rows = [(place, f"{server.base_url}/id/{number}/60/40") for place, number in enumerate(numbers)]
    return spark.createDataFrame(rows, "place int, image_url string").repartition(partitions, "place")


def test_every_row_once(spark: SparkSession, server: ImageServer) -> None:
    """Every row comes back once with its own columns, good or bad, NULL and nonsense too."""
    good = frame(spark, server, list(range(80, 180)))
    bad = spark.createDataFrame([(1_000, None), (1_001, ""), (1_002, "no url"), (1_003, "s3://bucket/a.jpg")], good.schema)
    rows = download(good.union(bad), options=LOCAL).collect()
    assert sorted(row.place for row in rows) == [*range(100), 1_000, 1_001, 1_002, 1_003]
    assert Counter(row.download_outcome.status for row in rows) == {"ok": 99, "http_error": 1, "invalid_url": 4}
    assert all((row.image_binary is not None) == (row.download_outcome.status == "ok") for row in rows)
    assert "load_images" in next(row.download_outcome.message for row in rows if row.place == 1_003)


def test_a_list_in_latin_1(spark: SparkSession, tmp_path: Path) -> None:
    """Of a file that is not UTF-8 each line is a row, and those that cannot be read say so."""
    (tmp_path / "urls.txt").write_bytes("http://h.example/città.jpg\nno url\n".encode("latin-1"))
    rows = download(spark.read.text(str(tmp_path)), url_col="value").select("download_outcome.*").collect()
    assert sorted((row.status, row.message) for row in rows) == [
        ("invalid_url", "not an http(s) URL with a host"), ("invalid_url", "the URL is not UTF-8"),
    ]  # fmt: skip


def test_duplicates_are_fetched_once(spark: SparkSession) -> None:
    """The same URL many times in a partition is requested once, and only one of its rows counts an attempt."""
    with ImageServer(latency=Latency(mean_s=0.3, sigma=0)) as host:
        rows = download(frame(spark, host, [7] * 300, partitions=1), options=LOCAL).collect()
        assert host.stats()["by_host"]["image"]["requests"] == 1
    assert Counter(row.download_outcome.status for row in rows) == {"ok": 300}
    assert sum(row.download_outcome.attempts for row in rows) == 1


def test_udf_keeps_the_order(spark: SparkSession, server: ImageServer) -> None:
    """In select and withColumn each row gets its own picture, though late ones come behind quick ones."""
    numbers = [*range(600, 605), *range(100, 180), 86]
    images = frame(spark, server, numbers).withColumn("image", download_udf(LOCAL)("image_url"))
    for row in images.collect():
        number = numbers[row.place]
        told = row.image.download_outcome
        assert told.status == ("http_error" if number == 86 else "ok")
        assert f"/id/{number}/" in told.final_url
        assert (row.image.image_binary is None) == (number == 86)


def test_udf_in_sql(spark: SparkSession, server: ImageServer) -> None:
    """Registered under a name it works in SQL, NULL included."""
    spark.udf.register("download_image", download_udf(LOCAL))
    frame(spark, server, [3, 4, 86]).createOrReplaceTempView("some_urls")
    query = "select download_image(image_url) as image from (select image_url from some_urls union all select null)"
    rows = spark.sql(f"select image.download_outcome.status as status, count(*) as n from ({query}) group by 1").collect()  # noqa: S608 - ours
    assert {row.status: row.n for row in rows} == {"ok": 2, "http_error": 1, "invalid_url": 1}


def test_udf_on_a_stream(spark: SparkSession, server: ImageServer, tmp_path: Path) -> None:
    """On a stream every row of every micro-batch comes out once."""
    for part in range(3):
        frame(spark, server, list(range(100 + 10 * part, 110 + 10 * part))).coalesce(1).write.mode("append").parquet(
            str(tmp_path / "in")
        )
    stream = spark.readStream.schema("place int, image_url string").option("maxFilesPerTrigger", 1).parquet(str(tmp_path / "in"))
    query = (
        stream.select("image_url", download_udf(LOCAL)("image_url").alias("image"))
        .writeStream.trigger(availableNow=True)
        .option("checkpointLocation", str(tmp_path / "checkpoint"))
        .format("parquet")
        .start(str(tmp_path / "out"))
    )
    assert query.awaitTermination(120)
    rows = spark.read.parquet(str(tmp_path / "out")).selectExpr("image_url", "image.download_outcome.status").collect()
    assert len({row.image_url for row in rows}) == len(rows) == 30
    assert {row.status for row in rows} == {"ok"}


def test_udf_refuses_what_it_cannot_share() -> None:
    """A bound for the whole job is refused by the UDF, naming the setting."""
    with pytest.raises(SettingError, match="requests_per_second_per_host_total"):
        download_udf(DownloadOptions(requests_per_second_per_host_total=5))


def test_a_bound_for_the_whole_job_is_shared(spark: SparkSession) -> None:
    """With requests_per_second_per_host_total two tasks together never ask a host that allows just that too often."""
    from picsum_vision.testing.image_server import RateLimit

    with ImageServer(rate_limit=RateLimit(requests_per_second=60, burst=20)) as host:
        options = DownloadOptions(allow_private_addresses=True, requests_per_second_per_host_total=50)
        rows = download(frame(spark, host, list(range(100, 200)), partitions=3), options=options).collect()
        assert host.stats()["refused"] == 0
    assert len(rows) == 100


def wait_for_silence(host: ImageServer) -> None:
    give_up_at_s = time.monotonic() + 30
    while host.stats()["in_flight"] and time.monotonic() < give_up_at_s:
        time.sleep(0.1)


def test_a_cancelled_job_closes_its_connections(spark: SparkSession) -> None:
    """After a job is cancelled no request stays open."""
    with ImageServer(faults=[Fault(kind="hang_before_headers")]) as host:
        failures: list[BaseException] = []

        def run() -> None:
            try:
                spark.sparkContext.setJobGroup("to-cancel", "hangs", interruptOnCancel=True)
                options = DownloadOptions(allow_private_addresses=True, total_timeout_s=200)
                download(frame(spark, host, list(range(100, 160))), options=options).collect()
            except Exception as error:  # noqa: BLE001 - the cancellation, checked below
                failures.append(error)

        job = threading.Thread(target=run)
        job.start()
        give_up_at_s = time.monotonic() + 60
        while host.stats()["in_flight"] < 20 and time.monotonic() < give_up_at_s:
            time.sleep(0.1)
        spark.sparkContext.cancelAllJobs()
        job.join(60)
        wait_for_silence(host)
        assert host.stats()["in_flight"] == 0
        assert failures


def test_load_images(spark: SparkSession, server: ImageServer, tmp_path: Path) -> None:
    """Files become rows with the columns and words of a download; too large ones are not read."""
    rows = download(frame(spark, server, [100, 101]), options=LOCAL).collect()
    (tmp_path / "below").mkdir()
    contents: dict[str, Any] = {
        "a.jpg": rows[0].image_binary, "below/b.jpg": rows[1].image_binary, "cut.jpg": rows[0].image_binary[:500],
        "text.txt": b"no picture", "large.jpg": rows[0].image_binary + b"\0" * 100_000,
    }  # fmt: skip
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    images = load_images(spark, str(tmp_path), options=DownloadOptions(max_bytes=50_000))
    assert images.schema.simpleString() == download(frame(spark, server, [1]).drop("place"), options=LOCAL).schema.simpleString()
    told = {Path(row.image_url).name: row for row in images.collect()}
    assert {name: row.download_outcome.status for name, row in told.items()} == {
        "a.jpg": "ok", "b.jpg": "ok", "cut.jpg": "truncated", "text.txt": "not_an_image", "large.jpg": "too_large",
    }  # fmt: skip
    assert told["a.jpg"].image_binary == contents["a.jpg"]
    assert told["a.jpg"].download_outcome.sha256 == rows[0].download_outcome.sha256
    assert told["cut.jpg"].image_binary is None


def test_load_images_reads_nothing_of_a_file_that_is_too_large(spark: SparkSession, tmp_path: Path) -> None:
    """A file above max_bytes is `too_large` without being read, also one that Spark's reader cannot read at all."""
    for name, size in (("small.jpg", 10), ("large.jpg", 60_000), ("huge.jpg", 3 << 30)):
        with (tmp_path / name).open("wb") as file:
            file.truncate(size)  # takes no room on the disk
    images = load_images(spark, str(tmp_path), options=DownloadOptions(max_bytes=50_000))
    told = {Path(row.image_url).name: row.download_outcome for row in images.collect()}
    assert {name: (outcome.status, outcome.bytes) for name, outcome in told.items()} == {
        "small.jpg": ("not_an_image", 10), "large.jpg": ("too_large", 60_000), "huge.jpg": ("too_large", 3 << 30),
    }  # fmt: skip
