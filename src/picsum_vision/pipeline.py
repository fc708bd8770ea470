"""The whole job: URLs, images, descriptions, in three tables, only what is missing.

A run works in chunks of rows. Each chunk's images and then its descriptions are committed before the next one starts, so a
job that is ended at any moment has lost at most one chunk, and the next run goes on behind it. A chunk's size follows the rate
of the one before it, so that it takes about `checkpoint_interval_s`. A batch endpoint gets all images at once when all are
there, for its answers may take a day; what is paid for is kept there until the next run.
"""

from __future__ import annotations

import dataclasses
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from pyspark.sql import functions as F

from picsum_vision.describing.backends import BatchChat
from picsum_vision.describing.spending import at_price_of, price_factor
from picsum_vision.outcomes import DESCRIBE_CAN_CHANGE, DOWNLOAD_CAN_CHANGE, HTTP_CAN_CHANGE, DownloadStatus
from picsum_vision.run_report import RunReport, StageReport
from picsum_vision.spark.generate import url_frame
from picsum_vision.spark.job_state import JobState, StageState
from picsum_vision.spark.sharing import tasks_at_once
from picsum_vision.spark.tables import TableStore
from picsum_vision.spark.transforms import describe, download, download_and_describe
from picsum_vision.spark.url_sources import urls_from
from picsum_vision.table_columns import COLUMNS, KEY

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

    from picsum_vision.config import PipelineConfig
    from picsum_vision.options import DescribeOptions

_FIRST_CHUNK_ROWS: Final = 1_000
_LARGEST_GROWTH: Final = 8
_NO_CHUNK_BELOW_ROWS: Final = 50
_ALL_ROWS: Final = (1 << 31) - 1
_NOTHING: Final = 1e-12  # a budget that no answer fits into

Progress = Callable[[str], None]


def run_pipeline(spark: SparkSession, config: PipelineConfig, *, progress: Progress | None = None) -> RunReport:
    """Run the job that `config` says, and return what became of its rows.

    Downloads and describes only what the tables have not; every row of `image_urls` that was asked for has a row in `image_codes`
    and in `image_desc` afterwards, with the reason where it failed. `progress` is told one line for each step.

    Raises
    ------
    SettingError, ColumnError
        If a setting is wrong; before any work.
    TableProblem
        If catalog, schema or tables cannot be used; the message has the SQL that repairs it.
    ModelProblem
        If the model cannot be asked at all.

    """
    return _Run(spark, config, progress or (lambda _: None)).run()


class _Run:
    def __init__(self, spark: SparkSession, config: PipelineConfig, progress: Progress) -> None:
        self._spark = spark
        self._config = config
        self._say = progress
        self._store = TableStore(spark, config.tables)
        self._partitions = config.partitions or tasks_at_once(spark)
        self._chunk = _ChunkSize(config.checkpoint_interval_s)
        self._download_s = self._describe_s = 0.0
        self._is_batch = isinstance(config.backend, BatchChat)
        self._prices = at_price_of(config.describe, price_factor(config.backend))
        self._asked_rows = self._asked()

    def run(self) -> RunReport:
        began_s = time.monotonic()
        asked = self._asked_rows
        self._store.make_missing()
        self._store.append("image_urls", self._store.missing_from("image_urls", asked))
        before = self._before = JobState.read(self._store, asked)
        if self._config.retry_failed:
            self._retry(asked)
        if (
            before.describe.rows < before.download.rows and not self._is_batch
        ):  # a run was ended between a chunk's images and their descriptions
            self._describe_missing(asked)
        self._work_off(asked)
        after = JobState.read(self._store, asked)
        return RunReport(
            run_id=uuid.uuid4().hex,
            rows=after.download.rows,
            download=self._stage_report(before.download, after.download, self._download_s),
            describe=self._stage_report(before.describe, after.describe, self._describe_s),
            tables={role: self._config.tables.readable(role) for role in COLUMNS},
            seconds=time.monotonic() - began_s,
            min_ok_share=self._config.min_ok_share,
        )

    def _asked(self) -> DataFrame:
        config = self._config
        if config.urls_from is not None:
            return urls_from(self._spark, config.urls_from, config.url_col)
        return url_frame(self._spark, config.urls)

    def _work_off(self, asked: DataFrame) -> None:
        to_download = self._store.missing_from("image_codes", asked)
        left = to_download.count()
        self._say(f"{left:,} images to download")
        while left > 0:
            rows = self._chunk.rows
            chunk = _first(to_download, rows)
            began_s = time.monotonic()
            if self._config.keep_images:
                self._download_chunk(chunk)
                if not self._is_batch:
                    self._describe_missing(asked)
            else:
                self._fused_chunk(chunk)
            self._chunk.learn(min(rows, left), time.monotonic() - began_s)
            left -= min(rows, left)
            self._say(f"{left:,} images left")
        if self._is_batch:
            self._describe_missing(asked)

    def _download_chunk(self, urls: DataFrame) -> None:
        began_s = time.monotonic()
        self._store.append("image_codes", download(urls, options=self._config.download, partitions=self._partitions))
        self._download_s += time.monotonic() - began_s

    def _fused_chunk(self, urls: DataFrame) -> None:
        """Fetch and describe in one pass, and feed both tables from what that pass has written down."""
        began_s = time.monotonic()
        config = self._config
        rows = download_and_describe(
            urls,
            config.backend,
            task=config.task,
            download_options=config.download,
            describe_options=self._describe_options(),
            partitions=self._partitions,
        )
        self._store.append_to_both(self._as_text(rows))
        took_s = time.monotonic() - began_s
        self._download_s += took_s
        self._describe_s += took_s

    def _describe_missing(self, asked: DataFrame) -> None:
        """Describe what has an image row and no description row, in chunks."""
        keys = self._store.missing_from(
            "image_desc", self._store.among("image_codes", asked).select(KEY, "download_outcome.finished_at")
        )
        number = rows = _ALL_ROWS if self._is_batch else self._chunk.rows
        while number == rows:
            chunk = _first(keys, rows)
            since, number = chunk.agg(F.min(F.unix_micros("finished_at")), F.count(F.lit(1))).first() or (None, 0)
            if number:
                self._say(f"describing {number:,} images")
                began_s = time.monotonic()
                self._store.append("image_desc", self._described(self._images(chunk, since)))
                self._describe_s += time.monotonic() - began_s

    def _images(self, chunk: DataFrame, since: int | None) -> DataFrame:
        """Return the chunk's images; files from before `since` (microseconds), when the first was fetched, are not read."""
        codes = self._store.read("image_codes")
        if since is not None:
            moment = F.col("download_outcome.finished_at")
            codes = codes.where((moment >= F.timestamp_micros(F.lit(since))) | moment.isNull())
        wanted = F.broadcast(chunk.select(F.col(KEY).alias("wanted")))
        return codes.join(wanted, F.col(KEY).eqNullSafe(F.col("wanted")), "left_semi")

    def _described(self, images: DataFrame) -> DataFrame:
        config = self._config
        rows = describe(
            images.select(KEY, "image_binary"),
            config.backend,
            task=config.task,
            options=self._describe_options(),
            partitions=self._partitions,
        )
        return self._as_text(rows)

    def _describe_options(self) -> DescribeOptions:
        """Return the options with what is left of the job's budget: each chunk is a job of its own to Spark."""
        options = self._config.describe
        if options.max_cost_total is None:
            return options
        spent = JobState.read(self._store, self._asked_rows).describe.cost_since(self._before.describe, self._prices) or 0.0
        return dataclasses.replace(options, max_cost_total=max(options.max_cost_total - spent, _NOTHING))

    def _as_text(self, rows: DataFrame) -> DataFrame:
        """Return the rows with the answer as the table has it: a typed answer as JSON."""
        if self._config.task.answer_ddl == "STRING":
            return rows
        return rows.withColumn("descrizione", F.to_json("descrizione"))

    def _retry(self, asked: DataFrame) -> None:
        """Put a new outcome in the place of each failure that can change; the descriptions that hang on it follow."""
        codes = self._store.among("image_codes", asked)
        failed = codes.where(_download_can_change()).select(KEY)
        number = failed.count()
        if number:
            self._say(f"trying {number:,} downloads again")
            began_s = time.monotonic()
            self._store.replace("image_codes", download(failed, options=self._config.download, partitions=self._partitions))
            self._download_s += time.monotonic() - began_s
        self._retry_descriptions(asked)

    def _retry_descriptions(self, asked: DataFrame) -> None:
        desc = self._store.among("image_desc", asked).select(KEY, F.col("describe_outcome.status").alias("description"))
        images = self._store.read("image_codes").where(F.col("image_binary").isNotNull())
        again = desc.where(
            F.col("description").isin([status.value for status in DESCRIBE_CAN_CHANGE]) | (F.col("description") == "no_image")
        )
        rows = images.join(
            F.broadcast(again.select(F.col(KEY).alias("again"))), F.col(KEY).eqNullSafe(F.col("again")), "left_semi"
        )
        number = rows.count()
        if number:
            self._say(f"describing {number:,} images again")
            began_s = time.monotonic()
            self._store.replace("image_desc", self._described(rows))
            self._describe_s += time.monotonic() - began_s

    def _stage_report(self, before: StageState, after: StageState, seconds: float) -> StageReport:
        return StageReport(
            by_status=after.by_status,
            seconds=seconds,
            skipped=before.rows
            if seconds == 0 or not self._config.retry_failed
            else min(before.rows, before.by_status.get("ok", 0)),
            bytes=max(0, after.bytes - before.bytes),
            input_tokens=after.minus(before, "input_tokens"),
            output_tokens=after.minus(before, "output_tokens"),
            cost=after.cost_since(before, self._prices),
        )


class _ChunkSize:
    """How many rows the next chunk has, so that it takes about the interval."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self.rows = _FIRST_CHUNK_ROWS

    def learn(self, rows: int, seconds: float) -> None:
        wanted = int(rows * self._interval_s / max(seconds, 0.001))
        self.rows = max(_NO_CHUNK_BELOW_ROWS, min(wanted, self.rows * _LARGEST_GROWTH))


def _first(df: DataFrame, rows: int) -> DataFrame:
    """Return so many rows in an order that is always the same, so that a task which Spark runs again works on the same ones.

    The order is that of a hash: a list that stands sorted by host is not fetched host after host.
    """
    return df.orderBy(F.xxhash64(KEY), KEY).limit(rows)


def _download_can_change() -> Column:
    status, code = F.col("download_outcome.status"), F.col("download_outcome.http_status")
    return status.isin([word.value for word in DOWNLOAD_CAN_CHANGE]) | (
        (status == DownloadStatus.HTTP_ERROR.value) & code.isin(list(HTTP_CAN_CHANGE))
    )
