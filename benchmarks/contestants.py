"""Who is measured: the bare HTTP client, the engine alone, and the library in Spark."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pyarrow as pa

from picsum_vision.options import DownloadOptions
from picsum_vision.spark.bridge import ArrowBridge
from picsum_vision.spark.download_stage import DownloadStage
from picsum_vision.spark.transforms import download

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def bare_client(urls: Sequence[str], in_flight: int) -> Callable[[], int]:
    """Aiohttp alone: workers that pull from one iterator, follow the redirect and count the pictures; nothing is kept."""

    async def work(source: Iterator[str], session: aiohttp.ClientSession) -> int:
        ok = 0
        for url in source:
            async with session.get(url) as answer:
                ok += answer.status == 200 and len(await answer.read()) > 0  # noqa: PLR2004 - HTTP's own number
        return ok

    async def run() -> int:
        source = iter(urls)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            return sum(await asyncio.gather(*(work(source, session) for _ in range(in_flight))))

    return lambda: asyncio.run(run())


def engine_alone(urls: Sequence[str], options: DownloadOptions) -> Callable[[], int]:
    """Run the library's engine and bridge in this process, without Spark."""
    batch = pa.RecordBatch.from_arrays([pa.array(urls)], names=["image_url"])

    def run() -> int:
        bridge = ArrowBridge(DownloadStage(options=options).open(), "image_url")
        return sum(_ok_rows(out) for out in bridge.process(iter([batch])))

    return run


def _ok_rows(batch: pa.RecordBatch) -> int:
    return sum(status.as_py() == "ok" for status in batch.column("download_outcome").field("status"))


def in_spark(spark: SparkSession, urls: Sequence[str], options: DownloadOptions, partitions: int, sink: str) -> Callable[[], int]:
    """Run the library as users call it, to `noop`, where every row counts, or to Parquet, where the rows with status ok do."""
    frame = spark.createDataFrame([(url,) for url in urls], "image_url string").repartition(partitions).cache()
    frame.count()

    def run() -> int:
        images = download(frame, options=options)
        return _to_parquet(spark, images) if sink == "parquet" else _to_noop(images, len(urls))

    return run


def _to_parquet(spark: SparkSession, images: DataFrame) -> int:
    folder = Path(tempfile.mkdtemp(prefix="picsum-vision-bench-"))
    try:
        images.write.mode("overwrite").parquet(str(folder / "images"))
        return spark.read.parquet(str(folder / "images")).where("download_outcome.status = 'ok'").count()
    finally:
        shutil.rmtree(folder)


def _to_noop(images: DataFrame, rows: int) -> int:
    images.write.format("noop").mode("overwrite").save()
    return rows
