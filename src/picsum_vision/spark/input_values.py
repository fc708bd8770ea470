"""The values of an input column, those that are not what the column says among them.

Spark checks no encoding: what `spark.read.text` makes of a Latin-1 file is a STRING whose bytes are not UTF-8.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa


def values_of(column: pa.Array) -> list[Any]:
    """Return the values as Python has them; a text that is not UTF-8 as its bytes."""
    try:
        values: list[Any] = column.to_pylist()
    except UnicodeDecodeError:
        return [value_of(value) for value in column]
    return values


def value_of(value: pa.Scalar) -> Any:
    """Return one value, in the same way."""
    try:
        return value.as_py()
    except UnicodeDecodeError:
        return value.as_buffer().to_pybytes()
