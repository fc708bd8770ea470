"""Whether a table of somebody else's can take the job's rows, by the types of its columns: known before anything is paid for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from pyspark.sql.types import (
    BinaryType,
    CharType,
    DataType,
    IntegerType,
    LongType,
    StringType,
    StructField,
    StructType,
    VarcharType,
)

from picsum_vision.spark.answer_columns import sql_type
from picsum_vision.sql_text import identifier
from picsum_vision.table_columns import KEY, Column

_MAY_BE_NULL: Final = ("image_binary", "descrizione")  # of what failed
# What Spark writes into such a column without a loss.
_TAKES: Final[dict[type[DataType], tuple[type[DataType], ...]]] = {
    StringType: (StringType, VarcharType, CharType),
    BinaryType: (BinaryType,),
    IntegerType: (IntegerType, LongType),
}
_LONGEST: Final = 120
_LENGTH: Final = "__CHAR_VARCHAR_TYPE_STRING"  # in a field's metadata: Spark shows VARCHAR and CHAR as STRING


def unfit_columns(
    columns: Iterable[Column], schema: StructType, table: str, *, is_delta: bool, name_key: Callable[[str], str] = str.lower
) -> Iterator[str]:
    """Yield for each column that the job cannot write or read what it is, what it must be, and the SQL that repairs it.

    `table` is the table's name as SQL has it, `name_key` what two names of the same column have in common. Columns that are
    missing can be added and are left out.
    """
    columns = tuple(columns)
    ours, unfit = {name for name, _, _ in columns}, unfit_types(columns, schema, name_key)
    for field in schema.fields:
        if told := unfit.get(field.name):
            is_key = field.name.lower() == KEY
            yield f"{told}; {_other_table(table) if is_key else _renamed(field.name, table, is_delta=is_delta)}"
        elif field.name.lower() == "descrizione" and (limited := _limited(field)):
            told = f"column {field.name} is {limited}, and must be string, for an answer may be longer"
            yield f"{told}; ALTER TABLE {table} ALTER COLUMN {identifier(field.name)} TYPE STRING"
        elif not field.nullable and _needs_null(field, is_ours=name_key(field.name) in ours):
            told = f"column {field.name} is NOT NULL, and must be nullable, for a run has rows without it"
            yield f"{told}; ALTER TABLE {table} ALTER COLUMN {identifier(field.name)} DROP NOT NULL"


def unfit_types(columns: Iterable[Column], schema: StructType, name_key: Callable[[str], str]) -> dict[str, str]:
    """Return which of the table's columns have a type that cannot be kept or read as ours, and what the first difference is."""
    wanted = {name: sql_type(kind) for name, kind, _ in columns}
    there = {field.name: (field.dataType, wanted.get(name_key(field.name))) for field in schema.fields}
    told = {name: kind and _difference(f"column {name}", found, kind, name_key) for name, (found, kind) in there.items()}
    return {name: difference for name, difference in told.items() if difference}


def refused_keys(schema: StructType, table: str) -> Iterator[tuple[str, str]]:
    """Yield which addresses the key's column does not take, as a condition in SQL, and what to do where one is asked for."""
    for field in schema.fields:
        if field.name.lower() != KEY:
            continue
        alter = f"ALTER TABLE {table} ALTER COLUMN {identifier(field.name)}"
        if not field.nullable:
            yield f"{KEY} IS NULL", f"column {field.name} is NOT NULL, and an address to add is NULL; {alter} DROP NOT NULL"
        if limited := _limited(field):
            characters = "".join(filter(str.isdigit, limited))
            told = f"column {field.name} is {limited}, and an address to add is longer"
            yield f"length({KEY}) > {characters}", f"{told}; {alter} TYPE STRING"


def _limited(field: StructField) -> str | None:
    """Return the type of a text whose length is limited, None for other columns."""
    if isinstance(field.dataType, (VarcharType, CharType)):
        return field.dataType.simpleString()
    limited = field.metadata.get(_LENGTH)
    return limited if isinstance(limited, str) else None


def _difference(where: str, found: DataType, wanted: DataType, name_key: Callable[[str], str]) -> str | None:
    """Return what keeps values of the wanted type from being kept as the one found and read again, None if nothing does."""
    if isinstance(wanted, StructType) and isinstance(found, StructType):
        there = {name_key(field.name): field.dataType for field in found.fields}
        for field in wanted.fields:
            if field.name not in there:
                return f"{where} has no field {field.name}, and must have one"
            told = _difference(f"{where}.{field.name}", there.pop(field.name), field.dataType, name_key)
            if told is not None:
                return told
        # A field more, and Iceberg refuses the rows.
        return f"{where} has a field {next(iter(there))}, and must have none of that name" if there else None
    is_collated = isinstance(found, StringType) and found != StringType()
    if isinstance(found, _TAKES.get(type(wanted), (type(wanted),))) and not is_collated:
        return None
    return f"{where} is {_short(found)}, and must be {_short(wanted)}"


def _needs_null(field: StructField, *, is_ours: bool) -> bool:
    if is_ours:
        return field.name.lower() in _MAY_BE_NULL
    # A column that fills itself: by a default, or as Delta's generated and identity columns do.
    return not any(key == "CURRENT_DEFAULT" or key.startswith("delta.") for key in field.metadata)


def _renamed(column: str, table: str, *, is_delta: bool) -> str:
    rename = f"ALTER TABLE {table} RENAME COLUMN {identifier(column)} TO {identifier(f'{column}_before')}"
    # Delta's columns have their names in the files, until it is told to keep both.
    mapped = f"ALTER TABLE {table} SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name'); " if is_delta else ""
    return f"{mapped}{rename}; the run then adds its own"


def _other_table(table: str) -> str:
    return f"it is the key: give the job other tables, or take this one away first: ALTER TABLE {table} RENAME TO ..."


def _short(kind: DataType) -> str:
    text = kind.simpleString()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
