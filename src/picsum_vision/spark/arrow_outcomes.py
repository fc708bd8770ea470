"""Outcomes as Arrow structs, field by field in the order of the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from picsum_vision.outcomes import DESCRIBE_OUTCOME_FIELDS, DOWNLOAD_OUTCOME_FIELDS, DescribeOutcome, DownloadOutcome

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


def download_outcomes(outcomes: Sequence[DownloadOutcome]) -> pa.StructArray:
    """Return the outcomes as one struct array."""
    return _structs(outcomes, DOWNLOAD_OUTCOME_TYPE)


def describe_outcomes(outcomes: Sequence[DescribeOutcome]) -> pa.StructArray:
    """Return the outcomes as one struct array."""
    return _structs(outcomes, DESCRIBE_OUTCOME_TYPE)


def _structs(outcomes: Sequence[Any], struct: pa.StructType) -> pa.StructArray:
    fields = list(struct)
    columns = [pa.array([_plain(getattr(outcome, field.name)) for outcome in outcomes], type=field.type) for field in fields]
    return pa.StructArray.from_arrays(columns, fields=fields)


def _plain(value: Any) -> Any:
    # An enumeration's member is told by its value; everything else is plain already.
    return getattr(value, "value", value)
