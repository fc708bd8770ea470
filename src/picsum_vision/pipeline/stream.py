"""New addresses flow through to images and descriptions: each micro-batch is a run of the job over its addresses."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from pyspark.errors import PySparkException

from picsum_vision.errors import SettingError
from picsum_vision.pipeline.key_check import check_key
from picsum_vision.pipeline.run import run_over
from picsum_vision.redaction import cause, redact_error
from picsum_vision.spark.by_position import ByPosition
from picsum_vision.spark.columns import check_input
from picsum_vision.spark.table_problems import table_problem
from picsum_vision.spark.tables import TableStore
from picsum_vision.sql_text import table_name
from picsum_vision.table_columns import KEY
from picsum_vision.validation import check_text

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

    from picsum_vision.config import PipelineConfig

# Delta hands over the rows of rewritten files once more, which are known by their key; Iceberg's deletes bring no address.
# Each format leaves the other's option alone.
_SOURCE_OPTIONS: Final = {"ignoreChanges": "true", "streaming-skip-delete-snapshots": "true"}


def run_stream(
    spark: SparkSession,
    config: PipelineConfig,
    *,
    checkpoint_location: str,
    urls: DataFrame | None = None,
    every: str | None = None,
    source_options: Mapping[str, str] | None = None,
) -> StreamingQuery:
    """Start a streaming query that downloads and describes addresses as they come, and return it.

    Each micro-batch does what :func:`picsum_vision.run_pipeline` does, over the addresses that are new in its source: they are
    added to `image_urls`, and have a row in `image_codes` and one in `image_desc` afterwards. A micro-batch that is repeated
    after a crash does only what is still missing (and, with `retry_failed` or `retry_permanent`, what failed in it). Each is a
    row of `image_runs`, and of `image_quality` several.

    Parameters
    ----------
    config
        The job. Which images it asks for (`images`, `start`, `by`, ...) is not looked at; `urls_from` may name a table.
    checkpoint_location
        A folder of Spark's for this query alone: what of the source is done. Another job needs another one.
    urls
        A streaming DataFrame with a STRING column `config.url_col`; None: the table `image_urls` (or `urls_from`) as a stream.
    every
        None does what is there and ends (`availableNow`: for scheduled jobs; `awaitTermination()` waits for it). "30 seconds"
        goes on until the query is stopped.
    source_options
        Options for the table's reader, as `maxFilesPerTrigger` of Delta or `streaming-max-rows-per-micro-batch` of Iceberg.

    Raises
    ------
    SettingError, ColumnError
        If a setting is wrong; before the query starts. What goes wrong in a micro-batch is raised by `awaitTermination()`.
    TableProblem
        If catalog, schema or tables cannot be used.

    """
    check_text("checkpoint_location", checkpoint_location)
    check_text("every", every, optional=True)
    if config.mode == "overwrite":
        raise SettingError("mode: 'overwrite' is not allowed for a stream, where each micro-batch adds; leave it out")
    check_key(spark, config.backend)
    if urls is not None and source_options:
        raise SettingError("source_options: not allowed beside urls, whose reader has its own; leave one of them out")
    source = urls if urls is not None else _table_stream(spark, config, source_options or {})
    url_col = config.url_col if urls is not None or config.urls_from is not None else KEY
    url_col = _checked_column(source, url_col)
    batch = _MicroBatch(config=config, checkpoint_location=checkpoint_location)
    rows = ByPosition(source)
    addresses = rows.df.select(rows.column(url_col).cast("string").alias(KEY))
    writer = addresses.writeStream.foreachBatch(batch).option("checkpointLocation", checkpoint_location)
    return (writer.trigger(availableNow=True) if every is None else writer.trigger(processingTime=every)).start()


@dataclasses.dataclass(frozen=True, kw_only=True)
class _MicroBatch:
    """What Spark calls: in the driver, or, with Spark Connect, pickled and in a process beside the server."""

    config: PipelineConfig
    checkpoint_location: str

    def __call__(self, rows: DataFrame, number: int) -> None:
        """Do what is missing of a micro-batch."""
        asked = rows.distinct()
        # Several queries read them. Serverless compute keeps no rows, and computes them for each.
        with contextlib.suppress(PySparkException):
            asked.persist()
        try:
            run_over(rows.sparkSession, self.config, asked, stream=f"{self.checkpoint_location}#{number}")
        finally:
            with contextlib.suppress(PySparkException):
                asked.unpersist()


def _table_stream(spark: SparkSession, config: PipelineConfig, options: Mapping[str, str]) -> DataFrame:
    store = TableStore(spark, config.tables)
    if config.urls_from is None:
        store.make_missing()
    reader = spark.readStream.options(**{**_SOURCE_OPTIONS, **options})
    try:
        if config.urls_from is None and config.tables.path is not None:
            # Delta streams a table that is known by its path only when it is asked for by that path.
            source = reader.format("delta").load(config.tables.readable("image_urls"))
        else:
            asked = config.urls_from
            source = reader.table(store.name("image_urls") if asked is None else table_name("urls_from", asked))
        _ = source.schema
    except PySparkException as error:
        if config.urls_from is None:
            raise table_problem(error, config.tables, "image_urls") from cause(error)
        raise SettingError(
            f"urls_from: {config.urls_from!r} cannot be read as a stream; it must be a table's name, or leave it out and give "
            f"urls=spark.readStream...: {redact_error(error, at_most=200)}"
        ) from cause(error)
    return source


def _checked_column(source: DataFrame, url_col: str) -> str:
    if not source.isStreaming:
        raise SettingError("urls: this DataFrame does not stream; make it with spark.readStream, or use run_pipeline")
    return check_input("url_col", source, url_col, "string")
