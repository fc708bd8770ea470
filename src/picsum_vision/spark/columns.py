"""Checks of a DataFrame's columns, on the driver, before any work."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from picsum_vision.errors import ColumnError
from picsum_vision.spark.conf import session_setting
from picsum_vision.validation import check_text, did_you_mean

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_OF_TEXTS: Final = re.compile(r"string collate \w+|(var)?char\(\d+\)")


def check_input(setting: str, df: DataFrame, column: Any, type_name: str) -> str:
    """Return how the DataFrame writes the column's name; refuse one that is not there or not of the type (`string`, `binary`)."""
    check_text(setting, column)
    name, kinds = str(own_name(df, column)), column_kinds(df)
    if name not in kinds:
        there = ", ".join(kinds) or "none"
        raise ColumnError(f"{setting}: no column {column!r}; there are: {there}{did_you_mean(column, kinds)}")
    if kinds[name] != type_name:
        raise ColumnError(f"{setting}: column {name!r} is {kinds[name]}; it must be {type_name}")
    return name


def column_kinds(df: DataFrame) -> dict[str, str]:
    """Return the columns' types by name; texts of any length and collation are `string`."""
    return {field.name: _OF_TEXTS.sub("string", field.dataType.simpleString()) for field in df.schema.fields}


def own_name(df: DataFrame, column: Any) -> Any:
    """Return how the DataFrame writes a column's name, which may differ in case; what is not there as it is."""
    if not isinstance(column, str) or column in df.columns:
        return column
    key = name_key(df.sparkSession)
    return next((name for name in df.columns if key(name) == key(column)), column)


def tells_case_apart(spark: SparkSession) -> bool:
    """Return whether names that differ in case only are two (`spark.sql.caseSensitive`)."""
    return session_setting(spark, "spark.sql.caseSensitive").lower() == "true"


def name_key(spark: SparkSession) -> Callable[[str], str]:
    """Return what two names of columns must have in common to be the same in this session."""
    return str if tells_case_apart(spark) else str.lower


def check_output(df: DataFrame, columns: Iterable[str]) -> None:
    """Refuse a DataFrame that has a column already which is to be added."""
    key = name_key(df.sparkSession)
    there = set(map(key, df.columns))
    for column in columns:
        if key(column) in there:
            raise ColumnError(f"{column}: the DataFrame has this column already; drop or rename it first")
