"""The downloader as a pandas UDF, for `select`, SQL and streams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
from pyspark.sql.pandas.functions import pandas_udf
from pyspark.sql.types import StructField, StructType

from picsum_vision.errors import SettingError
from picsum_vision.options import DownloadOptions
from picsum_vision.spark.bridge import ArrowBridge
from picsum_vision.spark.download_stage import DOWNLOAD_OUTCOME_FIELD, IMAGE_FIELD, DownloadStage
from picsum_vision.spark.schemas import DOWNLOADED

if TYPE_CHECKING:
    from picsum_vision.downloading.job import DownloadJob

_URL = "url"


def download_udf(options: DownloadOptions | None = None) -> Any:
    """Return a pandas UDF from STRING to STRUCT<image_binary BINARY, download_outcome STRUCT<...>>.

    As :func:`download`, for `select` and `withColumn`, for `spark.udf.register("download_image", download_udf())` in SQL, and on
    streams. Rows keep their order; the window looks ahead over Spark's batches, bounded in bytes by `window_bytes_per_task`. A
    bound for the whole job (`requests_per_second_per_host_total`) needs :func:`download`, which knows how many tasks share it.

    The same URL twice is fetched once while its bytes are at hand. With more than half of the window taken they are let go once
    their first row has left, for the rows in between need the room; a row further down the line then fetches them again.

    Raises
    ------
    SettingError
        If the options are none, or bound the whole job.

    """
    options = DownloadOptions() if options is None else options
    if not isinstance(options, DownloadOptions):
        raise SettingError(f"options: {type(options).__name__} is not allowed; it must be DownloadOptions(...)")
    if options.requests_per_second_per_host_total is not None:
        raise SettingError("requests_per_second_per_host_total: a UDF cannot share it among tasks; use download(df, ...)")
    stage = DownloadStage(options=options)

    def fetch(urls: Iterator[pd.Series]) -> Iterator[pd.DataFrame]:
        batches = (pa.RecordBatch.from_arrays([pa.array(series, pa.string(), from_pandas=True)], names=[_URL]) for series in urls)
        bridge: ArrowBridge[DownloadJob] = ArrowBridge(stage.open(), _URL, ordered=True)
        for batch in bridge.process(batches):
            yield _frame(batch)

    kind = StructType([StructField(name, datatype) for name, datatype in DOWNLOADED.items()])
    # Spark reads the hints to know the kind of UDF; here they are texts until somebody asks.
    fetch.__annotations__ = {"urls": Iterator[pd.Series], "return": Iterator[pd.DataFrame]}
    return pandas_udf(fetch, kind)  # type: ignore[call-overload]


def _frame(batch: pa.RecordBatch) -> pd.DataFrame:
    """Return the new columns as objects: pandas would make floats of whole numbers beside missing ones."""
    return pd.DataFrame(
        {
            field.name: pd.Series(batch.column(field.name).to_pylist(), dtype=object)
            for field in (IMAGE_FIELD, DOWNLOAD_OUTCOME_FIELD)
        }
    )
