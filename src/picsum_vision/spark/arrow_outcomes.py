"""Outcomes as Arrow structs, field by field in the order of the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from picsum_vision.outcomes import DESCRIBE_OUTCOME_FIELDS, DOWNLOAD_OUTCOME_FIELDS, DescribeOutcome, DownloadOutcome
from picsum_vision.spark.arrow_arrays import text_array, timestamp_array, whole_number_array

_ARROW_TYPES: Final[Mapping[str, pa.DataType]] = {
    "STRING": pa.string(),
    "INT": pa.int32(),
    "BIGINT": pa.int64(),
    "TIMESTAMP_LTZ": pa.timestamp("us", tz="UTC"),
}


def _struct_type(fields: Mapping[str, str]) -> pa.StructType:
    return pa.struct([(name, _ARROW_TYPES[kind]) for name, kind in fields.items()])


DOWNLOAD_OUTCOME_TYPE: Final = _struct_type(DOWNLOAD_OUTCOME_FIELDS)
DESCRIBE_OUTCOME_TYPE: Final = _struct_type(DESCRIBE_OUTCOME_FIELDS)


def download_outcomes(outcomes: Sequence[DownloadOutcome]) -> pa.StructArray:
    """Return the outcomes as one struct array."""
    return _structs(outcomes, DOWNLOAD_OUTCOME_TYPE)


def describe_outcomes(outcomes: Sequence[DescribeOutcome]) -> pa.StructArray:
    """Return the outcomes as one struct array."""
    return _structs(outcomes, DESCRIBE_OUTCOME_TYPE)


def _structs(outcomes: Sequence[Any], struct: pa.StructType) -> pa.StructArray:
    fields = list(struct)
    columns = [_column([getattr(outcome, field.name) for outcome in outcomes], field) for field in fields]
    return pa.StructArray.from_arrays(columns, fields=fields)


def _column(values: Sequence[Any], field: pa.Field) -> pa.Array:
    if field.name == "status":
        return text_array([status.value for status in values])
    if pa.types.is_string(field.type):
        return text_array(values)
    if pa.types.is_timestamp(field.type):
        return timestamp_array(values, field.type)
    return whole_number_array(values, field.type)
