"""Images from files and object stores, with the same columns as downloaded ones."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from picsum_vision.downloading.inspection import examine
from picsum_vision.errors import SettingError
from picsum_vision.options import DownloadOptions
from picsum_vision.outcomes import DownloadOutcome, DownloadStatus
from picsum_vision.spark.arrow_outcomes import download_outcomes
from picsum_vision.spark.download_stage import DOWNLOAD_OUTCOME_FIELD, IMAGE_FIELD
from picsum_vision.spark.schemas import DOWNLOADED
from picsum_vision.validation import check_text

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def load_images(
    spark: SparkSession, path: str | Sequence[str], *, url_col: str = "image_url", options: DownloadOptions | None = None
) -> DataFrame:
    """Read images that Spark can reach by itself, through its binaryFile reader.

    Parameters
    ----------
    path
        A file, folder or pattern, or several: `/Volumes/...`, `dbfs:/...`, `s3://...`, `file:/...`. Folders are read with all
        below them.
    url_col
        The name of the column with each file's path.
    options
        What of it applies: `verify`, `max_pixels`, and `max_bytes`, above which a file is not read. The defaults if None.

    Returns
    -------
    DataFrame
        One row for each file: the path, `image_binary BINARY` (NULL unless the status is ok) and `download_outcome STRUCT<...>`,
        as :func:`download` gives them. Nothing is read before an action.

    Raises
    ------
    SettingError
        If a setting is wrong.

    """
    options = DownloadOptions() if options is None else options
    if not isinstance(options, DownloadOptions):
        raise SettingError(f"options: {type(options).__name__} is not allowed; it must be DownloadOptions(...)")
    paths = [path] if isinstance(path, str) else list(path)
    for each in paths or [""]:
        check_text("path", each)
    check_text("url_col", url_col)
    files = spark.read.format("binaryFile").option("recursiveFileLookup", "true").load(paths)
    schema = StructType([StructField(url_col, StringType()), *(StructField(name, kind) for name, kind in DOWNLOADED.items())])
    return _without_the_large_ones(files, options.max_bytes).mapInArrow(_looking(options, url_col), schema)


def _without_the_large_ones(files: DataFrame, max_bytes: int) -> DataFrame:
    """Return path, length and content, of which nothing is read where it is too large.

    Two scans, for the reader leaves out whole files by a filter, and whole columns, but not a column of some files: it would read
    those first, and end the query at one above 2 GiB.
    """
    small = files.where(F.col("length") <= max_bytes).select("path", "length", "content")
    nothing = F.lit(None).cast("binary").alias("content")
    return small.union(files.where(F.col("length") > max_bytes).select("path", "length", nothing))


def _looking(options: DownloadOptions, url_col: str) -> Any:
    def look(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            # One image at a time: a batch of Spark's may hold many large ones already.
            for row in range(batch.num_rows):
                yield _looked_at(batch.slice(row, 1), options, url_col)

    return look


def _looked_at(row: pa.RecordBatch, options: DownloadOptions, url_col: str) -> pa.RecordBatch:
    path, length, data = (row.column(name)[0].as_py() for name in ("path", "length", "content"))
    outcome = _outcome(path, length, data, options)
    return pa.RecordBatch.from_arrays(
        [
            pa.array([path], pa.string()),
            pa.array([data if outcome.status is DownloadStatus.OK else None], IMAGE_FIELD.type),
            download_outcomes([outcome]),
        ],
        schema=pa.schema([pa.field(url_col, pa.string()), IMAGE_FIELD, DOWNLOAD_OUTCOME_FIELD]),
    )


def _outcome(path: str, length: int, data: bytes | None, options: DownloadOptions) -> DownloadOutcome:
    began_s = time.monotonic()
    told = DownloadOutcome(status=DownloadStatus.TOO_LARGE, attempts=1, bytes=length, final_url=path)
    if data is None:
        told.message = f"more than {options.max_bytes} bytes (max_bytes)"
    else:
        found = examine(data, verify=options.verify, max_pixels=options.max_pixels)
        told.status, told.message, told.sha256, told.content_type, told.width, told.height = found
    told.elapsed_ms = round(1000 * (time.monotonic() - began_s))
    told.finished_at = dt.datetime.now(dt.timezone.utc)
    return told
