"""The library as its users call it: `download` on a DataFrame, to `noop` or to Parquet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import Observation
from pyspark.sql import functions as F

from benchmarks.contestants.barrier import download_with_barrier
from benchmarks.contestants.parquet_folder import ParquetFolder
from benchmarks.contestants.protocol import Order, serve
from benchmarks.contestants.spark_frame import SparkFrame
from picsum_vision.options import DownloadOptions
from picsum_vision.spark.transforms import download

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Pictures may have 20 MB each.
_CHECKED_ROWS = 8
_IS_OK = "download_outcome.status = 'ok'"


class SparkDownload:
    """A session that stays open; each run is a new action."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Open the session."""
        self._frame = SparkFrame(settings)
        self._folder = ParquetFolder()
        self._order: Order = {}
        self._urls: DataFrame | None = None
        self._observed: Observation | None = None
        self._written = ""

    def prepare(self, order: Order) -> None:
        """Put the addresses into Spark's memory."""
        self._order, self._urls = order, self._frame.table(order)
        self._written = str(self._folder.renew()) if order["sink"] == "parquet" else ""

    def run(self) -> None:
        """Fetch into the sink. To `noop` the rows are counted on their way, for they are nowhere afterwards."""
        assert self._urls is not None  # noqa: S101 - the harness prepares first
        images = self._images(self._urls, DownloadOptions(**self._order["options"]))
        if self._written:
            images.write.parquet(self._written)
        else:
            self._observed = Observation()
            counted = images.observe(self._observed, F.count_if(F.expr(_IS_OK)).alias("ok"))
            counted.write.format("noop").mode("overwrite").save()

    def _images(self, urls: DataFrame, options: DownloadOptions) -> DataFrame:
        barrier_rows = self._order.get("barrier_rows")
        return download(urls, options=options) if barrier_rows is None else download_with_barrier(urls, options, barrier_rows)

    def rows_ok(self) -> int:
        """Return how many rows have the status ok."""
        if not self._written:
            assert self._observed is not None  # noqa: S101 - it was run
            return int(self._observed.get["ok"])
        ok = sum(_ok_rows(path) for path in Path(self._written).glob("*.parquet"))
        self._folder.remove()
        return ok

    def close(self) -> None:
        """Stop Spark."""
        self._folder.remove()
        self._frame.close()


def _ok_rows(path: Path) -> int:
    """Return how many rows of a file have the status ok, each with as many bytes as its outcome says."""
    ok = 0
    for batch in pq.ParquetFile(path).iter_batches(_CHECKED_ROWS, columns=["image_binary", "download_outcome"]):
        sizes = pc.binary_length(batch["image_binary"]).to_pylist()
        outcomes = batch["download_outcome"].to_pylist()
        told = [(outcome["bytes"], size) for outcome, size in zip(outcomes, sizes, strict=True) if outcome["status"] == "ok"]
        if any(said != there for said, there in told):
            raise ValueError("the sink has other bytes of images than the outcomes say")
        ok += len(told)
    return ok


if __name__ == "__main__":
    serve(SparkDownload, ["picsum-vision", "pyspark", "aiohttp", "pyarrow"])
