"""Image URLs from a user's own file or table."""

from __future__ import annotations

import contextlib
import os
import re
import urllib.parse
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from picsum_vision.errors import ColumnError, SettingError
from picsum_vision.redaction import cause, redact_error
from picsum_vision.spark.by_position import ByPosition
from picsum_vision.spark.columns import check_input, tells_case_apart
from picsum_vision.spark.csv_list import UTF_16, CsvFormat, read_csv
from picsum_vision.spark.source_kind import ENDINGS, folder_of_data_set, kind_by_name, kind_of_folder, path_for_spark
from picsum_vision.sql_text import is_name, table_name
from picsum_vision.table_columns import KEY

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import DataType

_BLANKS = " \t\r\u00a0\ufeff"  # the last two come with copying, and at the start of a file from Windows


class ListedUrls(NamedTuple):
    """The distinct URLs as `image_url STRING`, and how many rows they come from."""

    urls: DataFrame
    rows: int


def urls_from(spark: SparkSession, source: str, url_col: str) -> ListedUrls:
    """Return the distinct URLs of `source`, which is read once to the end to know that all of it can be read.

    `source` is a file or folder whose name ends as its format does (.parquet, .csv with a header, .tsv, .txt with one URL a
    line; .gz and others behind the ending), a folder of such files on this machine, or a table's name.

    Raises SettingError, with file and line, for rows that are none.
    """
    with readable("urls_from", source):
        rows = _open(spark, folder_of_data_set(os.path.expanduser(source)), url_col)  # noqa: PTH111 - it may be an address
        first_problem = F.min(F.when(F.col("problem").isNotNull(), F.struct("file", "line", "problem")))
        found = rows.agg(F.count(F.lit(1)).alias("rows"), first_problem.alias("problem")).collect()[0]
    if found.problem is not None:
        file, line, problem = found.problem
        file = re.sub(r"^file:/+", "/", urllib.parse.unquote(file))
        if line is None:
            raise ColumnError(f"urls_from: {file!r} {problem}")
        raise SettingError(f"urls_from: {file!r}, line {line:,}: {problem}")
    return ListedUrls(rows.select(F.col("url").alias(KEY)).distinct(), found.rows)


@contextlib.contextmanager
def readable(setting: str, source: str) -> Iterator[None]:
    """Turn what Spark says of a source that it cannot read into one line."""
    try:
        yield
    except Exception as error:
        # What Hadoop raises is no error of Spark's, and comes as the bridge to Java has it, which Spark Connect is without.
        if not isinstance(error, PySparkException) and not type(error).__module__.startswith("py4j"):
            raise
        if scheme := re.search(r'No FileSystem for scheme "?([\w.+-]+)', str(error)):
            told = f"this Spark has no file system for {scheme[1]}:; add its jar by spark.jars.packages (S3: hadoop-aws, s3a://)"
        else:
            told = redact_error(error, at_most=200)
        raise SettingError(f"{setting}: {source!r} cannot be read: {told}") from cause(error)


def read_parquet(spark: SparkSession, paths: list[str], column: str, kind: DataType) -> DataFrame:
    """Return the files' rows; where Spark does not know the types of all columns, with this column alone."""
    try:
        df = spark.read.parquet(*paths)
        _ = df.schema
    except AnalysisException as error:
        if "PARQUET" not in str(error).upper():
            raise
        df = spark.read.schema(StructType([StructField(column, kind)])).parquet(*paths)
        if df.dropna().first() is None:
            raise
    return df


def _open(spark: SparkSession, source: str, url_col: str) -> DataFrame:
    """Return `url`, `file`, `line` and `problem` of each row."""
    kind = kind_by_name(source)
    if kind is None and is_name(source):
        try:
            return _column(spark.table(table_name("urls_from", source)), url_col)
        except AnalysisException:
            if kind_of_folder(source) is None:
                raise
    kind = kind or kind_of_folder(source)
    if kind is None:
        raise SettingError(
            f"urls_from: {source!r} is not allowed; it must be a table's name, a folder that is there, or end in {ENDINGS}"
        )
    path = path_for_spark("urls_from", source)
    if kind == "parquet":
        return _column(read_parquet(spark, [path], url_col, StringType()), url_col)
    lines = spark.read.text(path).select(
        F.col("_metadata.file_path").alias("file"),
        F.col("_metadata.file_block_start").alias("start"),
        F.monotonically_increasing_id().alias("number"),
        "value",
    )
    if kind == "text":
        return _addresses(lines)
    return read_csv(lines, CsvFormat(url_col, tells_case_apart(spark), is_tsv=kind == "tsv"))


def _column(df: DataFrame, url_col: str) -> DataFrame:
    try:
        column = check_input("url_col", df, url_col, "string")
    except ColumnError as error:
        images = [name for name, kind in df.dtypes if kind.startswith("struct<bytes:binary")]
        if not images:
            raise
        raise ColumnError(f"{error}; the images in {images[0]!r} come through load_images(spark, path)") from error
    rows = ByPosition(df)
    # Plain text: a collation would take two addresses for one.
    nothing = F.lit(None).cast("string")
    return rows.df.select(
        rows.column(column).cast("string").alias("url"), nothing.alias("file"), nothing.alias("line"), nothing.alias("problem")
    )


def _addresses(lines: DataFrame) -> DataFrame:
    """Return the lines that are not blank, without what is blank around them."""
    line = F.btrim("value", F.lit(_BLANKS))
    problem = F.when(F.contains("value", F.lit("\0")), UTF_16)
    rows = lines.select(line.alias("url"), "file", F.lit(None).cast("long").alias("line"), problem.alias("problem"))
    return rows.where(F.col("url") != "")
