"""Running tasks tell the driver of their rows, and nothing that goes wrong there reaches the rows."""

from __future__ import annotations

import json
import socket
import threading
import time
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from picsum_vision import DownloadOptions, PixelDescriber, describe, download, download_and_describe
from picsum_vision.spark.beacon import Beacon, Listener, listening, told
from picsum_vision.spark.row_sums import RowSums
from picsum_vision.testing.image_server import Fault, ImageServer
from picsum_vision.testing.latency import Latency

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import DataFrame, SparkSession

PATIENCE_S = 30
OPTIONS = DownloadOptions(allow_private_addresses=True, max_attempts=1)


def urls(spark: SparkSession, host: ImageServer, rows: int) -> DataFrame:
    return spark.range(0, rows, 1, 2).selectExpr(f"concat('{host.base_url}/seed/', id, '/32/24') AS image_url")


def wait_for(look: Callable[[], bool]) -> bool:
    give_up_at_s = time.monotonic() + PATIENCE_S
    while not look() and time.monotonic() < give_up_at_s:
        time.sleep(0.02)
    return look()


@pytest.mark.spark
def test_rows_are_counted_while_the_stage_runs(spark: SparkSession) -> None:
    """Rows are heard of before the action has ended, and in the end all of them, by status, with bytes."""
    seen = []
    with (
        ImageServer(latency=Latency(mean_s=0.2), faults=[Fault(kind="status", status=500, share=0.2)]) as host,
        listening(spark) as listener,
    ):
        assert listener is not None
        df = download(urls(spark, host, 400), options=DownloadOptions(
            allow_private_addresses=True, max_attempts=1, max_in_flight_per_task=4
        ))  # fmt: skip
        counting = threading.Thread(target=lambda: [seen.append(listener.sums().rows) or time.sleep(0.1) for _ in range(300)])
        counting.daemon = True
        counting.start()
        counted = {row["status"]: row["count"] for row in df.groupBy("download_outcome.status").count().collect()}
        before_the_end = list(seen)
        assert wait_for(lambda: listener.sums().rows == 400)
        sums = listener.settle()
    assert dict(sums.download) == counted
    assert sums.bytes > 0
    assert sums.describe == {}
    assert any(0 < rows < 400 for rows in before_the_end), before_the_end


@pytest.mark.spark
def test_two_stages_of_one_plan_are_told_apart(spark: SparkSession, image_server: ImageServer) -> None:
    """Each row counts once for its download and once for its description, whether in two stages or in one."""
    with listening(spark) as listener:
        assert listener is not None
        describe(download(urls(spark, image_server, 30), options=OPTIONS), PixelDescriber()).write.format("noop").mode(
            "append"
        ).save()
        assert wait_for(lambda: listener.sums().describe.total() == 30)
        apart = listener.settle()
        both = download_and_describe(urls(spark, image_server, 20), PixelDescriber(), download_options=OPTIONS)
        both.write.format("noop").mode("append").save()
        assert wait_for(lambda: listener.sums().describe.total() == 20)
        fused = listener.settle()
    assert (apart.download.total(), apart.rows, fused.download.total(), fused.rows) == (30, 30, 20, 20)


def batch(*statuses: str) -> pa.RecordBatch:
    kind = pa.struct([("status", pa.string()), ("bytes", pa.int64())])
    outcomes = pa.array([{"status": status, "bytes": 5} for status in statuses], type=kind)
    return pa.RecordBatch.from_arrays([outcomes], names=["download_outcome"])


def test_only_words_of_ones_own_tasks_count() -> None:
    """Whatever else reaches the socket is ignored, and an attempt that is run again replaces the one before."""
    listener = Listener("127.0.0.1")
    try:
        sums = RowSums(bytes=7, input_tokens=3)
        sums.download["ok"] = 2
        good = {"token": listener.beacon.token, "stage": "a", "task": [0, 0], **sums.as_dict()}
        bad = [b"", b"\xff\x00", b"[]", b"null", b"{}", json.dumps({**good, "token": "guessed"}).encode()]
        bad += [json.dumps({**good, key: "x"}).encode() for key in ("task", "download", "bytes", "input_tokens")]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect(("127.0.0.1", listener.beacon.port))
            for words in [*bad, json.dumps(good).encode(), json.dumps({**good, "task": [0, 1], "bytes": 8}).encode()]:
                sender.send(words)
        assert wait_for(lambda: listener.sums().bytes == 8)
        assert listener.settle() == RowSums(download=sums.download, bytes=8, input_tokens=3)
        assert listener.sums() == RowSums()
    finally:
        listener.close()


def test_nobody_listens() -> None:
    """Rows pass although the listener is gone, or its host is none."""
    listener = Listener("127.0.0.1")
    listener.close()
    for beacon in (listener.beacon.for_stage(), Beacon("no-such-host.invalid", 1, "t")):
        assert [len(each) for each in told(iter([batch("ok"), batch("dns", "ok")]), beacon)] == [1, 2]


def test_a_stage_that_is_given_up_closes_the_one_below() -> None:
    """Who stops reading ends the stage at once, with and without a listener."""
    ends = []

    def stage():
        try:
            yield batch("ok")
            yield batch("ok")
        finally:
            ends.append("closed")

    for beacon in (None, Beacon("127.0.0.1", 9, "t")):
        rows = told(stage(), beacon)
        next(rows)
        rows.close()
    assert ends == ["closed", "closed"]
