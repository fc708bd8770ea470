"""One chunk as a DataFrame that is evaluated once: fetching, describing, or both. Each ends by the clock."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from pyspark.sql import functions as F

from picsum_vision.config import PipelineConfig
from picsum_vision.describing.spending import cost
from picsum_vision.describing.task_bounds import dearest_question
from picsum_vision.options import DescribeOptions, totals_set
from picsum_vision.pipeline.portions import ImagePortion
from picsum_vision.spark.sharing import tasks_at_once
from picsum_vision.spark.tables import TableStore
from picsum_vision.spark.transforms import described_by, downloaded, fetched_and_described
from picsum_vision.table_columns import KEY

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_NOTHING: Final = 1e-12  # a budget that no answer fits into


class Chunks:
    """Makes the chunks of one job, each with what is left of the job's budget."""

    def __init__(self, spark: SparkSession, config: PipelineConfig, partitions: int, prices: DescribeOptions) -> None:
        """Take the settings; `prices` are the options with the backend's real prices."""
        self._spark = spark
        self._config = config
        self._partitions = partitions
        self._prices = prices
        self._input_tokens = self._output_tokens = self._uncounted = 0
        self.fill_all_slots = partitions >= tasks_at_once(spark)
        self.may_overlap = self._may_overlap()

    def _may_overlap(self) -> bool:
        """Return whether a chunk may run beside the end of another one.

        Not where both would have a whole share of what is bounded in time, nor where so many tasks were asked for and no more,
        nor where the first one's cost has to be known.
        """
        config = self._config
        if config.describe.max_cost_total is not None:
            return False
        has_rate = totals_set(config.describe) or config.download.requests_per_second_per_host_total is not None
        return self.fill_all_slots or (config.partitions is None and not has_rate)

    def spent(self, input_tokens: int | None, output_tokens: int | None, uncounted: int | None) -> None:
        """Take in what a chunk has used, and how many questions of which nobody says it; these count as the dearest."""
        self._uncounted += uncounted or 0
        self._input_tokens += input_tokens or 0
        self._output_tokens += output_tokens or 0

    def fetch(self, keys: DataFrame, stop_after_s: float | None) -> DataFrame:
        """Return the images behind the keys; without the bytes where they are not to be kept."""
        config = self._config
        rows = downloaded(keys.select(KEY), options=config.download, partitions=self._partitions, stop_after_s=stop_after_s)
        return rows if config.keep_images else rows.drop("image_binary")

    def fetch_and_describe(self, keys: DataFrame, stop_after_s: float | None) -> DataFrame:
        """Return images and answers of one stage in the workers; without the bytes where they are not to be kept."""
        config = self._config
        rows = fetched_and_described(
            keys.select(KEY),
            config.backend,
            keep_images=config.keep_images,
            task=config.task,
            download_options=config.download,
            describe_options=self._describe_options(),
            partitions=self._partitions,
            stop_after_s=stop_after_s,
        )
        return self._as_text(rows)

    def describe(self, store: TableStore, portion: ImagePortion, stop_after_s: float | None) -> DataFrame:
        """Return the answers about images of image_codes.

        An image that was fetched and not kept is left out: it must be fetched again, and has no answer before.
        """
        config = self._config
        rows = described_by(
            _described_from_table(store, portion).select(KEY, "image_binary"),
            config.backend,
            task=config.task,
            options=self._describe_options(),
            partitions=self._partitions,
            stop_after_s=stop_after_s,
        )
        return self._as_text(rows).drop("image_binary")

    def has_any_to_describe(self, store: TableStore, portion: ImagePortion) -> bool:
        """Return whether :meth:`describe` would return any row; reads no more than the first image that was kept."""
        return bool(_described_from_table(store, portion).select(KEY).take(1))

    def _describe_options(self) -> DescribeOptions:
        """Return the options with what is left of the job's budget: each chunk is a job of its own to Spark."""
        config, options = self._config, self._config.describe
        if options.max_cost_total is None:
            return options
        spent = cost(self._prices, self._input_tokens, self._output_tokens) or 0.0
        spent += self._uncounted * dearest_question(options, config.backend, config.task)
        return dataclasses.replace(options, max_cost_total=max(options.max_cost_total - spent, _NOTHING))

    def _as_text(self, rows: DataFrame) -> DataFrame:
        """Return the rows with the answer as the table has it: a typed answer as JSON."""
        if self._config.task.answer_ddl == "STRING":
            return rows
        return rows.withColumn("descrizione", F.to_json("descrizione"))


def _described_from_table(store: TableStore, portion: ImagePortion) -> DataFrame:
    wanted = F.broadcast(portion.keys.select(F.col(KEY).alias("wanted")))
    images = store.read("image_codes").where(portion.images)
    images = images.join(wanted, F.col(KEY).eqNullSafe(F.col("wanted")), "left_semi")
    was_not_kept = F.col("image_binary").isNull() & F.col("download_outcome.status").eqNullSafe("ok")
    return images.where(~was_not_kept)
