"""Spark's types of the columns that are added. Imported where Spark is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pyspark.sql.types import BinaryType, DataType, DoubleType, StringType, StructType

from picsum_vision.describing.tasks import Task
from picsum_vision.outcomes import DESCRIBE_OUTCOME_DDL, DOWNLOAD_OUTCOME_DDL
from picsum_vision.spark.answer_columns import answer_type_of, spark_type, sql_type

IMAGE: Final[Mapping[str, DataType]] = {"image_binary": BinaryType()}
DOWNLOADED: Final[Mapping[str, DataType]] = {**IMAGE, "download_outcome": sql_type(DOWNLOAD_OUTCOME_DDL)}
DESCRIBED: Final[Mapping[str, DataType]] = {"describe_outcome": sql_type(DESCRIBE_OUTCOME_DDL)}

NOTED: Final = StructType().add("spent", DoubleType()).add("dearest", DoubleType()).add("refusal", StringType())


def described(task: Task, output_col: str) -> dict[str, DataType]:
    """Return the columns that a description adds."""
    return {output_col: spark_type(answer_type_of(task)), **DESCRIBED}
