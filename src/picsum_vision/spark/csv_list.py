"""A CSV file as spreadsheets and databases write it: RFC 4180, whatever stands between the columns."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Final

from pyspark.sql import functions as F

from picsum_vision.errors import ColumnError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# A spreadsheet writes semicolons where the comma is for decimals, as in Italy.
_SEPARATORS: Final = (",", ";", "\t")
_ADDRESS: Final = re.compile(r"\s*https?://", re.IGNORECASE)


def read_csv(spark: SparkSession, source: str, url_col: str) -> DataFrame:
    """Return the file's rows, all columns as text, by the names in its first line; raises ColumnError where these are none."""
    header = _first_line(spark, source)
    separator = _separator(header, url_col)
    names = _cells(header, separator)
    if url_col.lower() not in map(str.lower, names) and any(map(_ADDRESS.match, names)):
        raise ColumnError(
            f"urls_from: {source!r} has no header, its first line holds an address; add one, or name it .txt if each line is one"
        )
    # Line breaks within quotes: a file is read by one task then, and no row is two.
    options = {"header": "true", "sep": separator, "escape": '"', "multiLine": "true"}
    return spark.read.options(**options).csv(source)


def _first_line(spark: SparkSession, source: str) -> str:
    first = spark.read.text(source).where(F.trim("value") != "").first()
    return "" if first is None else first["value"].removeprefix("\ufeff")


def _separator(header: str, url_col: str) -> str:
    """Return the separator by which the header has the column, in any case, else the first that it has at all."""
    by_name = (separator for separator in _SEPARATORS if url_col.lower() in _cells(header.lower(), separator))
    there = (separator for separator in _SEPARATORS if separator in header)
    return next(by_name, next(there, _SEPARATORS[0]))


def _cells(header: str, separator: str) -> list[str]:
    return next(csv.reader([header], delimiter=separator), [])
