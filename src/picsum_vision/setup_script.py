"""Catalog, schema, tables, volume and grants as a SQL script. Written to Databricks' documentation, not tried there."""

from __future__ import annotations

from typing import Final

from picsum_vision.errors import SettingError
from picsum_vision.sql_text import check_not_replaced, identifier, literal
from picsum_vision.table_columns import COLUMNS, COMMENTS, column_list
from picsum_vision.table_names import SCHEMA_PRIVILEGES, Tables

VOLUME: Final = "exports"  # of a job's wheel and pages
VOLUME_PRIVILEGES: Final = "READ VOLUME, WRITE VOLUME"


def setup_script(tables: Tables, *, grant_to: str | None = None) -> str:
    """Return the statements, each ended by a semicolon; those that are there already change nothing when they run again."""
    if grant_to is not None and not grant_to.strip():
        raise SettingError("grant_to: '' is not allowed; it must be a user, group or service principal")
    check_not_replaced("grant_to", grant_to or "")
    catalog, schema = identifier(tables.catalog), identifier(tables.catalog, tables.schema)
    volume = identifier(tables.catalog, tables.schema, VOLUME)
    statements = [
        f"CREATE CATALOG IF NOT EXISTS {catalog}",
        f"CREATE SCHEMA IF NOT EXISTS {schema}",
        *(
            f"CREATE TABLE IF NOT EXISTS {identifier(tables.catalog, tables.schema, getattr(tables, role))} "
            f"({column_list(columns)}) COMMENT {literal(COMMENTS[role])}"
            for role, columns in COLUMNS.items()
        ),
        f"CREATE VOLUME IF NOT EXISTS {volume}",
    ]
    if grant_to is not None:
        who = identifier(grant_to)
        statements += [
            f"GRANT USE CATALOG ON CATALOG {catalog} TO {who}",
            f"GRANT {SCHEMA_PRIVILEGES} ON SCHEMA {schema} TO {who}",
            f"GRANT {VOLUME_PRIVILEGES} ON VOLUME {volume} TO {who}",
        ]
    return "\n".join(f"{statement};" for statement in statements)
