"""The notebook's way: a UDF of one row with `requests`, written as it is published, to Parquet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from benchmarks.contestants.notebook_rows import downloaded
from benchmarks.contestants.parquet_folder import ParquetFolder
from benchmarks.contestants.protocol import Order, serve
from benchmarks.contestants.spark_frame import SparkFrame

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class NotebookDownload:
    """One request at a time in each task."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Open the session."""
        self._frame = SparkFrame(settings)
        self._folder = ParquetFolder()
        self._urls: DataFrame | None = None
        self._written = ""

    def prepare(self, order: Order) -> None:
        """Put the addresses into Spark's memory."""
        self._urls, self._written = self._frame.table(order), str(self._folder.renew())

    def run(self) -> None:
        """Fetch into Parquet."""
        assert self._urls is not None  # noqa: S101 - the harness prepares first
        downloaded(self._urls).write.parquet(self._written)

    def rows_ok(self) -> int:
        """Return how many rows have bytes."""
        ok = self._frame.session.read.parquet(self._written).where("length(image_binary) > 0").count()
        self._folder.remove()
        return ok

    def close(self) -> None:
        """Stop Spark."""
        self._folder.remove()
        self._frame.close()


if __name__ == "__main__":
    serve(NotebookDownload, ["pyspark", "requests"])
