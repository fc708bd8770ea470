"""The tables for who only reads: those that the notebook made are read as if they had our columns, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from picsum_vision.errors import TableProblem
from picsum_vision.spark.columns import name_key
from picsum_vision.spark.table_types import unfit_types
from picsum_vision.spark.tables import TableStore
from picsum_vision.table_columns import COLUMNS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class ReadTables(TableStore):
    """Tables that are not written to, so that no column is added: one that a table lacks is NULL in each row."""

    def read(self, role: str) -> DataFrame:
        """Return a table with all columns of its role; raises TableProblem if it is not there."""
        df = super().read(role)
        key = name_key(df.sparkSession)
        there, columns = set(map(key, df.columns)), COLUMNS.get(role, ())
        outcomes = [column for column in columns if column[0].endswith("_outcome")]
        for told in unfit_types(outcomes, df.schema, key).values():
            raise TableProblem(f"{self.tables.readable(role)}: {told}; `picsum-vision run` says what repairs it")
        lacking = [(name, kind) for name, kind, _ in columns if name not in there]
        return df.select("*", *(F.lit(None).cast(kind).alias(name) for name, kind in lacking))
