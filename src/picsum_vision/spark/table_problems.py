"""What a catalog says when it refuses, as one line with the SQL that repairs it."""

from __future__ import annotations

from typing import Final

from picsum_vision.errors import TableProblem
from picsum_vision.sql_text import identifier
from picsum_vision.table_names import Tables

_MISSING_CATALOG: Final = ("CATALOG_NOT_FOUND", "REQUIRES_SINGLE_PART_NAMESPACE", "NO_SUCH_CATALOG")
_DENIED: Final = ("PERMISSION_DENIED", "INSUFFICIENT_PERMISSIONS", "INSUFFICIENT_PRIVILEGES")
_MISSING_TABLE: Final = (
    "TABLE_OR_VIEW_NOT_FOUND",
    "PATH_NOT_FOUND",
    "DELTA_TABLE_NOT_FOUND",
    "DELTA_MISSING_DELTA_TABLE",
    "DELTA_PATH_DOES_NOT_EXIST",
)


def says_no_such_table(error: Exception) -> bool:
    """Return whether the error means that the table is not there."""
    return any(word in str(error) for word in _MISSING_TABLE)


def table_problem(error: Exception, tables: Tables, role: str) -> TableProblem:
    """Return what an error of Spark means for the table, with what repairs it."""
    text = str(error)
    readable = tables.readable(role)
    if any(word in text for word in _MISSING_CATALOG):
        return TableProblem(
            f"catalog: {tables.catalog!r} is not in this session; on Databricks: "
            f"CREATE CATALOG {identifier(tables.catalog)}; "
            "elsewhere use local_session(warehouse=DIR), --output DIR, or --catalog with one that is there"
        )
    if any(word in text for word in _DENIED):
        schema = identifier(tables.catalog, tables.schema)
        return TableProblem(
            f"{readable}: permission denied; an owner repairs it with: GRANT ALL PRIVILEGES ON SCHEMA {schema} TO `you`"
        )
    if says_no_such_table(error):
        return TableProblem(
            f"{readable}: no such table; `picsum-vision run` makes it, or the statements of `picsum-vision setup-sql`"
        )
    if "SCHEMA_NOT_FOUND" in text:
        return TableProblem(f"schema: {tables.schema!r} is not there; CREATE SCHEMA {identifier(tables.catalog, tables.schema)}")
    return TableProblem(f"{readable}: {' '.join(text.split())[:300]}")
