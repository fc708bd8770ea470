"""The type of a task's answer, as Arrow and as Spark have it."""

from __future__ import annotations

from typing import Final

import pyarrow as pa
from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    BooleanType,
    ByteType,
    DataType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IntegerType,
    LongType,
    MapType,
    ShortType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

from picsum_vision.describing.answer_schemas import answer_type
from picsum_vision.describing.answer_types import AnswerType
from picsum_vision.describing.tasks import Task

_SCALARS: Final[dict[str, tuple[pa.DataType, DataType]]] = {
    "STRING": (pa.string(), StringType()),
    "BOOLEAN": (pa.bool_(), BooleanType()),
    "TINYINT": (pa.int8(), ByteType()),
    "SMALLINT": (pa.int16(), ShortType()),
    "INT": (pa.int32(), IntegerType()),
    "BIGINT": (pa.int64(), LongType()),
    "FLOAT": (pa.float32(), FloatType()),
    "DOUBLE": (pa.float64(), DoubleType()),
    "DATE": (pa.date32(), DateType()),
    "TIMESTAMP": (pa.timestamp("us", tz="UTC"), TimestampType()),
}


def answer_type_of(task: Task) -> AnswerType:
    """Return the type of a task's answer."""
    return _type_of(task.answer_ddl)


def sql_type(ddl: str) -> DataType:
    """Return the type that SQL writes so, whatever the session's settings make of it."""
    return BinaryType() if ddl == "BINARY" else spark_type(_type_of(ddl))


def _type_of(ddl: str) -> AnswerType:
    return answer_type(f"answer {ddl}").fields[0].type


def arrow_type(kind: AnswerType) -> pa.DataType:
    """Return the type as Arrow has it."""
    if kind.kind == "STRUCT":
        return pa.struct([pa.field(field.name, arrow_type(field.type)) for field in kind.fields])
    if kind.kind == "DECIMAL":
        return pa.decimal128(kind.precision, kind.scale)
    if kind.element is None:
        return _SCALARS[kind.kind][0]
    element = arrow_type(kind.element)
    return pa.list_(pa.field("element", element)) if kind.kind == "ARRAY" else pa.map_(pa.string(), element)


def spark_type(kind: AnswerType) -> DataType:
    """Return the type as Spark has it; every field may be NULL, as the answer itself may."""
    if kind.kind == "STRUCT":
        return StructType([StructField(field.name, spark_type(field.type)) for field in kind.fields])
    if kind.kind == "DECIMAL":
        return DecimalType(kind.precision, kind.scale)
    if kind.element is None:
        return _SCALARS[kind.kind][1]
    element = spark_type(kind.element)
    return ArrayType(element) if kind.kind == "ARRAY" else MapType(StringType(), element)
