"""Outcomes as Arrow structs, field by field in the order of the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from picsum_vision.outcomes import DESCRIBE_OUTCOME_FIELDS, DOWNLOAD_OUTCOME_FIELDS, DescribeOutcome, DownloadOutcome
from picsum_vision.spark.arrow_arrays import text_array, timestamp_array, validity, whole_number_array

_ARROW_TYPES: Final[Mapping[str, pa.DataType]] = {
    "STRING": pa.string(),
    "INT": pa.int32(),
    "BIGINT": pa.int64(),
    "TIMESTAMP": pa.timestamp("us", tz="UTC"),
}


def _struct_type(fields: Mapping[str, str]) -> pa.StructType:
    return pa.struct([(name, _ARROW_TYPES[kind]) for name, kind in fields.items()])


DOWNLOAD_OUTCOME_TYPE: Final = _struct_type(DOWNLOAD_OUTCOME_FIELDS)
DESCRIBE_OUTCOME_TYPE: Final = _struct_type(DESCRIBE_OUTCOME_FIELDS)


def download_outcomes(outcomes: Sequence[DownloadOutcome | None]) -> pa.StructArray:
    """Return the outcomes as one struct array; None is NULL."""
    return _structs(outcomes, DOWNLOAD_OUTCOME_TYPE)


def describe_outcomes(outcomes: Sequence[DescribeOutcome | None]) -> pa.StructArray:
    """Return the outcomes as one struct array; None is NULL."""
    return _structs(outcomes, DESCRIBE_OUTCOME_TYPE)


def _structs(outcomes: Sequence[Any], struct: pa.StructType) -> pa.StructArray:
    columns = [_column([getattr(outcome, field.name, None) for outcome in outcomes], field) for field in struct]
    return pa.Array.from_buffers(struct, len(outcomes), [validity(outcomes)], children=columns)


def _column(values: Sequence[Any], field: pa.Field) -> pa.Array:
    if field.name == "status":
        return text_array([None if status is None else status.value for status in values])
    if pa.types.is_string(field.type):
        return text_array(values)
    if pa.types.is_timestamp(field.type):
        return timestamp_array(values, field.type)
    return whole_number_array(values, field.type)
