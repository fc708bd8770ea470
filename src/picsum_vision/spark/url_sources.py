"""Image URLs from a user's own file or table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pyspark.errors import PySparkException
from pyspark.sql import functions as F

from picsum_vision.errors import SettingError
from picsum_vision.spark.columns import check_input
from picsum_vision.sql_text import identifier
from picsum_vision.table_columns import KEY

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_TABLE = re.compile(r"[\w-]+(\.[\w-]+){0,2}")
_FORMATS = {".parquet": "parquet", ".csv": "csv", ".tsv": "csv", ".txt": "text", ".text": "text", ".urls": "text"}


def urls_from(spark: SparkSession, source: str, url_col: str) -> DataFrame:
    """Return the distinct URLs of `source` as `image_url STRING`.

    `source` is a file or folder whose name ends as its format does (.parquet, .csv with a header, .tsv, .txt with one URL a
    line), or a table's name.
    """
    try:
        df = _open(spark, source)
        column = "value" if _format(source) == "text" and url_col not in df.columns else url_col
        check_input("url_col", df, column, "string")
    except PySparkException as error:
        raise SettingError(f"urls_from: {source!r} cannot be read: {' '.join(str(error).split())[:200]}") from error
    return df.select(F.col(identifier(column)).alias(KEY)).distinct()


def _open(spark: SparkSession, source: str) -> DataFrame:
    kind = _format(source)
    if kind is None:
        if _TABLE.fullmatch(source):
            return spark.table(source)
        raise SettingError(f"urls_from: {source!r} is not allowed; it must be a table's name or end in {', '.join(_FORMATS)}")
    reader = spark.read.format(kind)
    if kind == "csv":
        reader = reader.option("header", "true").option("sep", "\t" if source.rstrip("/").endswith(".tsv") else ",")
    return reader.load(source)


def _format(source: str) -> str | None:
    return next((kind for ending, kind in _FORMATS.items() if source.rstrip("/").lower().endswith(ending)), None)
