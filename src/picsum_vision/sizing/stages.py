"""The stages of the job, each measured apart: `generate_urls`, `download` and `describe` into tables, and `run_pipeline`."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from picsum_vision.config import PipelineConfig
from picsum_vision.describing.spending import at_price_of, cost, price_factor
from picsum_vision.pipeline import run_pipeline
from picsum_vision.sizing.figures import StageFigures, StageName
from picsum_vision.sizing.outcome_figures import first_reason, outcome_figures, series
from picsum_vision.sizing.process_tree import ProcessTree, why_not_measured
from picsum_vision.sizing.settings import SizingConfig
from picsum_vision.sizing.target import Target
from picsum_vision.spark.generate import generate_urls
from picsum_vision.spark.sharing import tasks_at_once
from picsum_vision.spark.tables import TableStore
from picsum_vision.spark.transforms import describe, download
from picsum_vision.sql_text import identifier
from picsum_vision.table_names import Tables

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


class Place:
    """Two sets of tables in a schema that lives for one measurement: for the stages by hand, and for the whole job."""

    def __init__(self, spark: SparkSession, catalog: str, schema: str) -> None:
        """Name them."""
        self.tables = Tables(catalog=catalog, schema=schema)
        self.job_tables = Tables(
            catalog=catalog, schema=schema, image_urls="job_urls", image_codes="job_codes", image_desc="job_desc"
        )
        self.store = TableStore(spark, self.tables)
        self.job_store = TableStore(spark, self.job_tables)


class Stages:
    """Measures one stage after the other."""

    def __init__(self, spark: SparkSession, config: SizingConfig, target: Target) -> None:
        """Measure against `target`."""
        self._spark = spark
        self._config = config
        self._target = target
        self._partitions = config.partitions or tasks_at_once(spark)
        self._tree = None if why_not_measured(spark) else ProcessTree()

    @contextlib.contextmanager
    def schema(self) -> Iterator[Place]:
        """Give a schema that nobody else has, with the job's tables, empty; all of it is dropped at the end."""
        schema = f"sizing_{uuid.uuid4().hex[:12]}"
        place = Place(self._spark, self._config.catalog, schema)
        place.store.make_missing()
        try:
            yield place
        finally:
            self._drop(schema)

    def measure(self, stage: StageName, place: Place, images: int) -> StageFigures:
        """Run a stage and return its figures; what the figures themselves take is not in its time."""
        work: dict[str, Callable[[], object]] = {
            "urls": lambda: place.store.append("image_urls", self._urls(images)),
            "download": lambda: place.store.append("image_codes", self._downloaded(place, images)),
            "describe": lambda: place.store.append("image_desc", self._described(place)),
            "total": lambda: run_pipeline(self._spark, self._job(place, images)),
        }
        began_at_s, began_s = time.time(), time.monotonic()
        with contextlib.ExitStack() as stack:
            watched = None if self._tree is None else stack.enter_context(self._tree.watch())
            work[stage]()
            seconds = time.monotonic() - began_s
        seen: dict[str, Any] = (
            {} if watched is None else {"cpu_seconds": watched.cpu_seconds, "peak_memory_mb": watched.peak_memory_mb}
        )
        told = self._told(stage, place, began_at_s, seconds)
        told["cost"] = self._cost(told)
        return StageFigures(seconds=round(seconds, 4), began_at_s=began_at_s, **told, **seen)

    def _told(self, stage: StageName, place: Place, began_at_s: float, seconds: float) -> dict[str, Any]:
        """Return what the tables say of the rows."""
        if stage == "urls":
            rows = place.store.read("image_urls").count()
            return {"rows": rows, "rows_ok": rows}
        if stage == "download":
            return self._of_rows(place.store.read("image_codes"), "download_outcome", began_at_s, seconds)
        if stage == "describe":
            return self._of_rows(place.store.read("image_desc"), "describe_outcome", began_at_s, seconds)
        fetched = outcome_figures(place.job_store.read("image_codes"), "download_outcome")
        told = self._of_rows(place.job_store.read("image_desc"), "describe_outcome", began_at_s, seconds)
        if not fetched["rows_ok"]:
            # Nobody was asked then: that the rows have no image is the host's doing, not the model's.
            reason = first_reason(place.job_store.read("image_codes"), "download_outcome")
            told |= {"problem": reason, "refused_at": "download"}
        latency = {f"describe_{name}": value for name, value in told["latency_ms"].items()}
        latency |= {f"download_{name}": value for name, value in fetched["latency_ms"].items()}
        # As many as there are addresses: rows that never got so far are no rows of the last table.
        return {**told, "rows": place.job_store.read("image_urls").count(), "bytes": fetched["bytes"], "latency_ms": latency}

    def _cost(self, told: dict[str, Any]) -> float | None:
        """Return what the tokens cost at the prices that are set, None for a stage that asks nothing."""
        if told.get("questions") is None:
            return None
        options = at_price_of(self._config.describe_options, price_factor(self._target.backend))
        return cost(options, told["input_tokens"], told["output_tokens"])

    def _of_rows(self, rows: DataFrame, outcome: str, began_at_s: float, seconds: float) -> dict[str, Any]:
        told = outcome_figures(rows, outcome)
        return {
            **told,
            "series": series(rows, outcome, began_at_s, seconds),
            "problem": None if told["rows_ok"] else first_reason(rows, outcome),
            "refused_at": None if told["rows_ok"] else outcome.removesuffix("_outcome"),
        }

    def _urls(self, images: int) -> DataFrame:
        config = self._config
        return generate_urls(
            self._spark, images, by=config.by, width=config.width, height=config.height, base_url=self._target.base_url
        )

    def _downloaded(self, place: Place, images: int) -> DataFrame:
        by_hand = "urls" in self._config.stages
        urls = place.store.read("image_urls") if by_hand else self._urls(images)
        return download(urls, options=self._config.download_options, partitions=self._partitions)

    def _described(self, place: Place) -> DataFrame:
        config = self._config
        images = place.store.read("image_codes").select("image_url", "image_binary")
        options, partitions = config.describe_options, self._partitions
        return describe(images, self._target.backend, task=config.task, options=options, partitions=partitions)

    def _job(self, place: Place, images: int) -> PipelineConfig:
        config = self._config
        return PipelineConfig(
            images=images,
            by=config.by,
            width=config.width,
            height=config.height,
            base_url=self._target.base_url,
            tables=place.job_tables,
            backend=self._target.backend,
            task=config.task,
            download=config.download_options,
            describe=config.describe_options,
            partitions=self._partitions,
            checkpoint_interval_s=config.checkpoint_interval_s,
        )

    def _drop(self, schema: str) -> None:
        """Drop the schema, which is this suite's alone, and every table in it."""
        name = identifier(self._config.catalog, schema)
        for row in self._spark.sql(f"SHOW TABLES IN {name}").collect():
            self._spark.sql(f"DROP TABLE IF EXISTS {identifier(self._config.catalog, schema, row['tableName'])}")
        self._spark.sql(f"DROP SCHEMA IF EXISTS {name}")
