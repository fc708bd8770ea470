"""One request at a time in a UDF with `requests`: what people write where there is no `ai_query`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pyspark.sql import Observation
from pyspark.sql import functions as F

from benchmarks.contestants.notebook_rows import described
from benchmarks.contestants.protocol import Order, serve
from benchmarks.contestants.spark_frame import SparkFrame
from benchmarks.contestants.spark_pictures import SparkPictures

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class NotebookAsk:
    """One request at a time in each task."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Open the session."""
        self._frame = SparkFrame(settings)
        self._pictures = SparkPictures(self._frame.session)
        self._order: Order = {}
        self._images: DataFrame | None = None
        self._observed: Observation | None = None

    def prepare(self, order: Order) -> None:
        """Put the images into Spark's memory."""
        self._order, self._images = order, self._pictures.table(order)

    def run(self) -> None:
        """Ask about every row."""
        assert self._images is not None  # noqa: S101 - the harness prepares first
        self._observed = Observation()
        answered = described(self._images, self._order["base_url"])
        counted = answered.observe(self._observed, F.count("descrizione").alias("ok"))
        counted.write.format("noop").mode("overwrite").save()

    def rows_ok(self) -> int:
        """Return how many rows have an answer."""
        assert self._observed is not None  # noqa: S101 - it was run
        return int(self._observed.get["ok"])

    def close(self) -> None:
        """Stop Spark."""
        self._frame.close()


if __name__ == "__main__":
    serve(NotebookAsk, ["pyspark", "requests"])
