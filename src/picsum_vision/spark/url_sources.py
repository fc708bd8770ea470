"""Image URLs from a user's own file or table."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import functions as F

from picsum_vision.errors import SettingError
from picsum_vision.redaction import cause, redact_error
from picsum_vision.spark.columns import check_input
from picsum_vision.spark.csv_list import read_csv
from picsum_vision.spark.source_kind import ENDINGS, kind_by_name, kind_of_folder
from picsum_vision.sql_text import identifier, is_name, literal, table_name
from picsum_vision.table_columns import KEY

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_BLANKS = " \t\r\u00a0\ufeff"  # the last two come with copying, and at the start of a file from Windows


def urls_from(spark: SparkSession, source: str, url_col: str) -> DataFrame:
    """Return the distinct URLs of `source` as `image_url STRING`.

    `source` is a file or folder whose name ends as its format does (.parquet, .csv with a header, .tsv, .txt with one URL a
    line; .gz and others behind the ending), a folder of such files on this machine, or a table's name.
    """
    try:
        df = _open(spark, os.path.expanduser(source), url_col)  # noqa: PTH111 - it may be an address
        check_input("url_col", df, url_col, "string")
    except PySparkException as error:
        raise SettingError(f"urls_from: {source!r} cannot be read: {redact_error(error, at_most=200)}") from cause(error)
    # Plain text: a collation would take two addresses for one.
    return df.select(F.col(identifier(url_col)).cast("string").alias(KEY)).distinct()


def _open(spark: SparkSession, source: str, url_col: str) -> DataFrame:
    kind = kind_by_name(source)
    if kind is None and is_name(source):
        try:
            df = spark.table(table_name("urls_from", source))
            _ = df.schema
        except AnalysisException:
            if kind_of_folder(source) is None:
                raise
        else:
            return df
    kind = kind or kind_of_folder(source)
    if kind is None:
        raise SettingError(
            f"urls_from: {source!r} is not allowed; it must be a table's name, a folder that is there, or end in {ENDINGS}"
        )
    if kind == "csv":
        return read_csv(spark, source, url_col)
    return _lines(spark, source, url_col) if kind == "text" else spark.read.parquet(source)


def _lines(spark: SparkSession, source: str, url_col: str) -> DataFrame:
    """Return the lines that are not blank, without what is blank around them."""
    line = F.expr(f"trim(BOTH {literal(_BLANKS)} FROM value)").alias(url_col)
    return spark.read.text(source).select(line).where(F.col(identifier(url_col)) != "")
