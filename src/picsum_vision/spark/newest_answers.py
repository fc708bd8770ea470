"""One answer for each address, where a table keeps several: that to the question that was asked last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from picsum_vision.sql_text import identifier
from picsum_vision.table_columns import KEY

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_OUTCOME = "describe_outcome"
# The moment decides; the rest makes the choice the same every time where two are of the same moment or of none.
_ORDER = ("finished_at", "prompt_sha256", "model", "task")


def newest_answers(answers: DataFrame) -> DataFrame:
    """Return one row of `image_desc` for each address, NULL among them: the one with the latest `finished_at`.

    A row without a moment, as the notebook writes them, stands for its address only where there is no other.
    """
    names = answers.columns
    # Not a window function: a partition's rows would be sorted with their texts. A NULL is less than any moment.
    newest = F.max_by(F.struct(*(F.col(identifier(name)) for name in names)), F.struct(*_order(answers)))
    rows = answers.groupBy(KEY).agg(newest.alias("newest"))
    return rows.select(*(F.col(f"newest.{identifier(name)}") for name in names))


def _order(answers: DataFrame) -> list[Column]:
    kind = answers.schema[_OUTCOME].dataType if _OUTCOME in answers.columns else None
    there = kind.fieldNames() if isinstance(kind, StructType) else []
    return [F.col(f"{_OUTCOME}.{name}") for name in _ORDER if name in there] or [F.lit(0)]
