"""What a catalog says when it refuses, as one line with the SQL that repairs it."""

from __future__ import annotations

from typing import Final

from picsum_vision.errors import TableProblem
from picsum_vision.redaction import redact_error
from picsum_vision.spark.commit_conflicts import MAX_TRIES, is_conflict
from picsum_vision.sql_text import identifier
from picsum_vision.table_names import SCHEMA_PRIVILEGES, Tables

_MISSING_CATALOG: Final = ("CATALOG_NOT_FOUND", "REQUIRES_SINGLE_PART_NAMESPACE", "NO_SUCH_CATALOG")
_DENIED: Final = ("PERMISSION_DENIED", "INSUFFICIENT_PERMISSIONS", "INSUFFICIENT_PRIVILEGES")
_NOT_WRITABLE: Final = ("AccessDeniedException", "AccessControlException", "Permission denied")
_MISSING_TABLE: Final = (
    "TABLE_OR_VIEW_NOT_FOUND",
    "PATH_NOT_FOUND",
    "DELTA_TABLE_NOT_FOUND",
    "DELTA_MISSING_DELTA_TABLE",
    "DELTA_PATH_DOES_NOT_EXIST",
)


def is_about_rights(error: Exception) -> bool:
    """Return whether the error means that this user may not do it, or the files may not be written."""
    return _has(str(error), (*_DENIED, *_NOT_WRITABLE))


def says_no_such_table(error: Exception) -> bool:
    """Return whether the error means that the table is not there."""
    return _has(str(error), _MISSING_TABLE)


def table_problem(error: Exception, tables: Tables, role: str) -> TableProblem:
    """Return what an error of Spark means for the table, with what repairs it."""
    text, readable = str(error), tables.readable(role)
    schema = identifier(tables.catalog, tables.schema)
    reason = redact_error(error)
    meanings = (
        (
            _has(text, _MISSING_CATALOG),
            (
                f"catalog: {tables.catalog!r} is not in this session; on Databricks: "
                f"CREATE CATALOG {identifier(tables.catalog)}; elsewhere use "
                "local_session(warehouse=DIR), --output DIR, or --catalog with one that is there"
            ),
        ),
        (
            _has(text, _DENIED),
            f"{readable}: permission denied; an owner repairs it with: GRANT {SCHEMA_PRIVILEGES} ON SCHEMA {schema} TO `you`",
        ),
        (
            _has(text, _NOT_WRITABLE),
            (
                f"{readable}: the user who runs Spark may not write or read the table's files; let that user own the folder "
                f"or the path in the bucket, or choose another one with --output ({reason})"
            ),
        ),
        (
            is_conflict(error),
            (
                f"{readable}: other commits were quicker {MAX_TRIES} times; see who else writes to the table, then start the run "
                f"again: nothing is lost ({reason})"
            ),
        ),
        (
            says_no_such_table(error),
            f"{readable}: no such table; `picsum-vision run` makes it, or the statements of `picsum-vision setup-sql`",
        ),
        ("SCHEMA_NOT_FOUND" in text, f"schema: {tables.schema!r} is not there; CREATE SCHEMA {schema}"),
    )
    return TableProblem(next((meaning for applies, meaning in meanings if applies), f"{readable}: {reason}"))


def _has(text: str, words: tuple[str, ...]) -> bool:
    return any(word in text for word in words)
