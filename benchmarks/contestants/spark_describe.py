"""The library as its users call it: `describe` on a DataFrame of images, or `download_and_describe` on one of addresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pyspark.sql import Observation
from pyspark.sql import functions as F

from benchmarks.contestants.chat_body import MODEL
from benchmarks.contestants.protocol import Order, serve
from benchmarks.contestants.spark_frame import SparkFrame
from benchmarks.contestants.spark_pictures import SparkPictures
from picsum_vision.describing.backends import ChatCompletions
from picsum_vision.options import DescribeOptions, DownloadOptions
from picsum_vision.spark.transforms import describe, download_and_describe

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class SparkDescribe:
    """A session that stays open; each run is a new action to `noop`, whose rows are counted on their way."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Open the session."""
        self._frame = SparkFrame(settings)
        self._pictures = SparkPictures(self._frame.session)
        self._order: Order = {}
        self._input: DataFrame | None = None
        self._observed: Observation | None = None

    def prepare(self, order: Order) -> None:
        """Put the images, or for a fused order the addresses, into Spark's memory, and ask about `warm_rows` of them."""
        self._order = order
        self._input = self._frame.table(order) if order.get("fused") else self._pictures.table(order)
        if order.get("warm_rows"):
            # Spark ends Python workers that idle for a minute, as they do here while others are measured.
            self._described(self._input.limit(order["warm_rows"]).repartition(order["partitions"])).write.format("noop").mode(
                "overwrite"
            ).save()

    def run(self) -> None:
        """Ask about every row."""
        assert self._input is not None  # noqa: S101 - the harness prepares first
        self._observed = Observation()
        ok = F.count_if(F.expr("describe_outcome.status = 'ok'"))
        self._described(self._input).observe(self._observed, ok.alias("ok")).write.format("noop").mode("overwrite").save()

    def rows_ok(self) -> int:
        """Return how many rows have the status ok."""
        assert self._observed is not None  # noqa: S101 - it was run
        return int(self._observed.get["ok"])

    def close(self) -> None:
        """Stop Spark."""
        self._frame.close()

    def _described(self, rows: DataFrame) -> DataFrame:
        options = DescribeOptions(**self._order["options"])
        if not self._order.get("fused"):
            return describe(rows, ChatCompletions(self._order["base_url"], MODEL), options=options)
        download_options = DownloadOptions(**self._order["download_options"])
        backend = ChatCompletions(self._order["model_url"], MODEL)
        return download_and_describe(rows, backend, download_options=download_options, describe_options=options)


if __name__ == "__main__":
    serve(SparkDescribe, ["picsum-vision", "pyspark", "aiohttp", "pyarrow"])
