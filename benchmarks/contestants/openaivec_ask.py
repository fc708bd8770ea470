"""openaivec's Spark function, one request for each image. It runs in an environment of its own.

It takes addresses or files, not bytes: the images are files on this machine's disk, written before anything is measured.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
from openaivec.spark_ext import responses_udf, setup
from pyspark.sql import Observation, SparkSession
from pyspark.sql import functions as F

from benchmarks.contestants.chat_body import MAX_TOKENS, MODEL, PROMPT
from benchmarks.contestants.protocol import Order, serve

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class OpenaivecAsk:
    """A session that stays open; each run is a new action to `noop`, whose rows are counted on their way."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Open the session."""
        os.environ["PYSPARK_PYTHON"] = sys.executable
        os.environ["TIKTOKEN_CACHE_DIR"] = str(_token_tables())
        conf = {"spark.ui.enabled": "false", **settings.get("conf", {})}
        self._session = SparkSession.builder.master(settings["master"]).config(map=conf).getOrCreate()
        self._folder = tempfile.TemporaryDirectory(prefix="benchmark-")
        self._order: Order = {}
        self._files: DataFrame | None = None
        self._observed: Observation | None = None

    def prepare(self, order: Order) -> None:
        """Write the images as files, put their paths into Spark's memory, and tell its workers where to ask."""
        setup(self._session, api_key="none")
        self._session.sparkContext.environment["OPENAI_BASE_URL"] = order["base_url"]
        paths = _as_files(order["pictures"], Path(self._folder.name))
        rows = self._session.createDataFrame([(path,) for path in paths], "image_path string")
        self._order, self._files = order, rows.repartition(order["partitions"]).cache()
        self._files.count()

    def run(self) -> None:
        """Ask about every row."""
        assert self._files is not None  # noqa: S101 - the harness prepares first
        self._observed = Observation()
        counted = self._answered(self._files).observe(self._observed, F.count("descrizione").alias("ok"))
        counted.write.format("noop").mode("overwrite").save()

    def _answered(self, files: DataFrame) -> DataFrame:
        ask = responses_udf(
            PROMPT,
            model_name=MODEL,
            batch_size=1,
            max_concurrency=self._order["in_flight_per_task"],
            multimodal=True,
            max_output_tokens=MAX_TOKENS,
        )
        return files.select(ask("image_path").alias("descrizione"))

    def rows_ok(self) -> int:
        """Return how many rows have an answer."""
        assert self._observed is not None  # noqa: S101 - it was run
        return int(self._observed.get["ok"])

    def close(self) -> None:
        """Stop Spark, delete the files."""
        self._session.stop()
        self._folder.cleanup()


def _as_files(pictures: str, folder: Path) -> list[str]:
    images = pq.read_table(pictures)["image_binary"].to_pylist()
    paths = [folder / f"{number}.jpg" for number in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        path.write_bytes(image)
    return [str(path) for path in paths]


def _token_tables() -> Path:
    """Return the folder of tokens' tables in litellm's wheel, found without importing it."""
    found = importlib.util.find_spec("litellm")
    if found is None or found.origin is None:
        raise FileNotFoundError("litellm, whose wheel has the tables of tokens, is not installed here")
    return Path(found.origin).parent / "litellm_core_utils" / "tokenizers"


if __name__ == "__main__":
    serve(OpenaivecAsk, ["openaivec", "pyspark", "openai"])
