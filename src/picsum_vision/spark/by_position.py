"""A user's columns by position: the one gate that their names and types pass on the way through Arrow and back.

Spark looks columns up by name, where a dot, a backtick or a second column of the same name leads astray, and Arrow lacks some of
Spark's types. Inside, columns are numbered and have types that Arrow has; outside, they are what they were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from pyspark.errors import PySparkException
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import (
    ArrayType,
    CalendarIntervalType,
    DataType,
    MapType,
    StringType,
    StructField,
    StructType,
    YearMonthIntervalType,
)

from picsum_vision.errors import ColumnError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import Column, DataFrame

    Batches = Iterable[pa.RecordBatch]

_PREFIX: Final = "picsum_vision_column_"


class ByPosition:
    """A DataFrame whose columns are named by position, and whose types all pass through Arrow."""

    def __init__(self, df: DataFrame) -> None:
        """Give each column its number; raises ColumnError for a type that cannot be handed to Python."""
        self.names = df.columns
        self._inner = [f"{_PREFIX}{place}" for place in range(len(self.names))]
        types = [field.dataType for field in df.schema.fields]
        carriers = [_carrier(name, kind) for name, kind in zip(self.names, types, strict=True)]
        self._types = [None if carrier is None else kind for kind, carrier in zip(types, carriers, strict=True)]
        self.df = _cast(df.toDF(*self._inner), carriers)

    def name(self, column: str) -> str:
        """Return the inner name of a column that is there; raises ColumnError where several have its name."""
        if (number := self.names.count(column)) != 1:
            raise ColumnError(f"{column}: the DataFrame has {number} columns of this name; rename all but one")
        return self._inner[self.names.index(column)]

    def column(self, column: str) -> Column:
        """Return a column that is there, as an expression over `df`."""
        return F.col(self.name(column))

    def mapped(self, rows: DataFrame, work: Callable[[Batches], Batches], added: Mapping[str, DataType]) -> DataFrame:
        """Return what `work` makes of the Arrow batches of `rows`, those of `df` in any order, with `added` columns behind."""
        new = [StructField(name, kind) for name, kind in added.items()]
        return rows.mapInArrow(work, StructType([*self.df.schema.fields, *new]))

    def restored(self, rows: DataFrame, added: Iterable[str]) -> DataFrame:
        """Return rows with the columns of `df` and more, these as the user has them and the further ones named `added`."""
        return _cast(rows, self._types).toDF(*self.names, *added)


def text_instead(kind: DataType, is_wanted: Callable[[DataType], bool]) -> DataType:
    """Return the type with STRING in the place of those inside it that `is_wanted` picks, for a cast."""
    return _rebuilt(kind, lambda leaf: StringType() if is_wanted(leaf) else leaf)


def _cast(df: DataFrame, types: Sequence[DataType | None]) -> DataFrame:
    """Return the first columns as these types, where one is given, and all others as they are."""
    if not any(types):
        return df
    kinds = [*types, *[None] * (len(df.columns) - len(types))]
    return df.select(
        *(
            F.col(name) if kind is None else F.col(name).cast(_rebuilt(kind, lambda leaf: leaf)).alias(name)
            for name, kind in zip(df.columns, kinds, strict=True)
        )
    )


def _carrier(name: str, kind: DataType) -> DataType | None:
    """Return as what a column travels through Arrow, None for as it is."""
    if _fits(kind):
        return None
    # An interval's text says all of it. VOID within an array travels where it may be NULL.
    carrier = text_instead(kind, lambda leaf: isinstance(leaf, (CalendarIntervalType, YearMonthIntervalType)))
    if not _fits(carrier):
        raise ColumnError(f"column {name!r} is {kind.simpleString()}, which Spark cannot hand to Python; cast or drop it first")
    return carrier


def _fits(kind: DataType) -> bool:
    try:
        to_arrow_schema(StructType([StructField("column", kind)]))
    except (PySparkException, ValueError):
        return False
    return True


def _rebuilt(kind: Any, leaf: Callable[[DataType], DataType]) -> DataType:
    """Return the type with each of its innermost ones replaced; whatever may be NULL in it may be so in a cast."""
    if isinstance(kind, ArrayType):
        return ArrayType(_rebuilt(kind.elementType, leaf))
    if isinstance(kind, MapType):
        return MapType(_rebuilt(kind.keyType, leaf), _rebuilt(kind.valueType, leaf))
    if isinstance(kind, StructType):
        return StructType([StructField(field.name, _rebuilt(field.dataType, leaf)) for field in kind.fields])
    return leaf(kind)
