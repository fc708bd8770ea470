"""Checks of a DataFrame's columns, on the driver, before any work."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from picsum_vision.errors import ColumnError
from picsum_vision.spark.conf import session_setting
from picsum_vision.validation import check_text, did_you_mean

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def check_input(setting: str, df: DataFrame, column: Any, type_name: str) -> None:
    """Refuse a column that is not there or is not of the type (as in `string`, `binary`)."""
    check_text(setting, column)
    fields = {field.name: field.dataType for field in df.schema.fields}
    if column not in fields:
        there = ", ".join(fields) or "none"
        raise ColumnError(f"{setting}: no column {column!r}; there are: {there}{did_you_mean(column, fields)}")
    found = fields[column].simpleString()
    if found != type_name and not (type_name == "string" and found.startswith(("varchar", "char"))):
        raise ColumnError(f"{setting}: column {column!r} is {found}; it must be {type_name}")


def own_name(df: DataFrame, column: Any) -> Any:
    """Return how the DataFrame writes a column's name, where Spark does not tell case apart; what is not there as it is."""
    if not isinstance(column, str) or column in df.columns or tells_case_apart(df.sparkSession):
        return column
    return next((name for name in df.columns if name.lower() == column.lower()), column)


def tells_case_apart(spark: SparkSession) -> bool:
    """Return whether names that differ in case only are two."""
    return session_setting(spark, "spark.sql.caseSensitive").lower() == "true"


def check_output(df: DataFrame, columns: Iterable[str]) -> None:
    """Refuse a DataFrame that has a column already which is to be added. Spark's names do not tell case apart."""
    there = {name.lower() for name in df.columns}
    for column in columns:
        if column.lower() in there:
            raise ColumnError(f"{column}: the DataFrame has this column already; drop or rename it first")
