"""The whole job into the three tables: `run_pipeline`, or its stages by hand, or the notebook's way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import picsum_vision as pv
from benchmarks.contestants.chat_body import MODEL
from benchmarks.contestants.notebook_rows import described, downloaded
from benchmarks.contestants.protocol import Order, serve
from benchmarks.contestants.spark_frame import SparkFrame

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_CATALOG = "platform_catalog"


class WholeJob:
    """A session that stays open; each run writes into a schema of its own."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Open the session."""
        self._frame = SparkFrame(settings)
        self._spark = self._frame.session
        self._order: Order = {}
        self._schema = ""
        self._runs = 0
        self.told: dict[str, float] = {}

    def prepare(self, order: Order) -> None:
        """Make an empty schema."""
        self._runs += 1
        self._order, self._schema = order, f"run_{self._runs}"
        self._spark.sql(f"CREATE SCHEMA {_CATALOG}.{self._schema}")
        if order["way"] == "describe":
            self._download()

    def run(self) -> None:
        """Do the job in the way that the order names."""
        ways: dict[str, Callable[[], object]] = {
            "pipeline": self._pipeline,
            "download": self._download,
            "describe": self._describe,
            "stages": self._stages,
            "notebook": self._notebook,
        }
        ways[self._order["way"]]()

    def rows_ok(self) -> int:
        """Return how many rows have a description, and drop the tables."""
        role, column = ("image_codes", "image_binary") if self._order["way"] == "download" else ("image_desc", "descrizione")
        ok = self._spark.table(self._name(role)).where(f"{column} IS NOT NULL").count()
        self.told = {"commits": self._spark.table(f"{self._name(role)}.snapshots").count()}
        for table in self._spark.sql(f"SHOW TABLES IN {_CATALOG}.{self._schema}").collect():
            self._spark.sql(f"DROP TABLE {self._name(table['tableName'])} PURGE")
        return int(ok)

    def close(self) -> None:
        """Stop Spark."""
        self._frame.close()

    def _pipeline(self) -> None:
        order = self._order
        config = pv.PipelineConfig(
            images=order["rows"],
            by="seed",
            base_url=order["base_url"],
            tables=pv.Tables(catalog=_CATALOG, schema=self._schema),
            backend=self._backend(),
            download=pv.DownloadOptions(**order["download_options"]),
            describe=pv.DescribeOptions(**order["options"]),
            partitions=order["partitions"],
            checkpoint_interval_s=order["checkpoint_interval_s"],
        )
        pv.run_pipeline(self._spark, config)

    def _stages(self) -> None:
        self._download()
        self._describe()

    def _download(self) -> None:
        order = self._order
        download_options = pv.DownloadOptions(**order["download_options"])
        self._written("image_codes", pv.download(self._urls(), options=download_options, partitions=order["partitions"]))

    def _describe(self) -> None:
        order = self._order
        options = pv.DescribeOptions(**order["options"])
        images = self._spark.table(self._name("image_codes"))
        answers = pv.describe(images, self._backend(), options=options, partitions=order["partitions"])
        self._written("image_desc", answers.drop("image_binary", "download_outcome"))

    def _notebook(self) -> None:
        urls = self._urls().repartition(self._order["partitions"])
        # A small table is one split, which would be one task.
        images = self._written("image_codes", downloaded(urls)).repartition(self._order["partitions"])
        self._written("image_desc", described(images, self._order["model_url"]).drop("image_binary"))

    def _urls(self) -> DataFrame:
        urls = pv.generate_urls(self._spark, self._order["rows"], by="seed", base_url=self._order["base_url"])
        return self._written("image_urls", urls)

    def _written(self, table: str, rows: DataFrame) -> DataFrame:
        rows.writeTo(self._name(table)).create()
        return self._frame.session.table(self._name(table))

    def _backend(self) -> pv.ChatCompletions:
        return pv.ChatCompletions(self._order["model_url"], MODEL)

    def _name(self, table: str) -> str:
        return f"{_CATALOG}.{self._schema}.{table}"


if __name__ == "__main__":
    serve(WholeJob, ["picsum-vision", "pyspark", "aiohttp", "pyarrow"])
