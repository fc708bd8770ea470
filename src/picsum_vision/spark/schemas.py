"""Spark's types of the columns that are added. Imported where Spark is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pyspark.sql.types import BinaryType, DataType, DoubleType, IntegerType, LongType, StringType, StructType, TimestampType

from picsum_vision.describing.tasks import Task
from picsum_vision.outcomes import DESCRIBE_OUTCOME_FIELDS, DOWNLOAD_OUTCOME_FIELDS
from picsum_vision.spark.answer_columns import answer_type_of, spark_type

_SPARK_TYPES: Final[Mapping[str, DataType]] = {
    "STRING": StringType(),
    "INT": IntegerType(),
    "BIGINT": LongType(),
    "TIMESTAMP": TimestampType(),
}


def _struct(fields: Mapping[str, str]) -> StructType:
    struct = StructType()
    for name, kind in fields.items():
        struct = struct.add(name, _SPARK_TYPES[kind])
    return struct


IMAGE: Final[Mapping[str, DataType]] = {"image_binary": BinaryType()}
DOWNLOADED: Final[Mapping[str, DataType]] = {**IMAGE, "download_outcome": _struct(DOWNLOAD_OUTCOME_FIELDS)}
DESCRIBED: Final[Mapping[str, DataType]] = {"describe_outcome": _struct(DESCRIBE_OUTCOME_FIELDS)}

NOTED: Final = StructType().add("spent", DoubleType()).add("dearest", DoubleType()).add("refusal", StringType())


def described(task: Task, output_col: str) -> dict[str, DataType]:
    """Return the columns that a description adds."""
    return {output_col: spark_type(answer_type_of(task)), **DESCRIBED}
