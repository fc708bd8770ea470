"""Catalog, schema, tables, and whether this user may make and fill one."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from picsum_vision.diagnosis.case import Case
from picsum_vision.diagnosis.finding import Finding, failed_with, failure, ok, skipped, warning
from picsum_vision.diagnosis.refusal import refusal, short
from picsum_vision.errors import TableProblem
from picsum_vision.spark.tables import TableStore
from picsum_vision.sql_text import identifier
from picsum_vision.table_columns import COLUMNS
from picsum_vision.table_names import SCHEMA_PRIVILEGES

_NOT_THERE: Final = ("SCHEMA_NOT_FOUND", "NoSuchNamespaceException", "NAMESPACE_NOT_FOUND")
_NO_CATALOG: Final = (
    "CATALOG_NOT_FOUND",
    "REQUIRES_SINGLE_PART_NAMESPACE",
    "NO_SUCH_CATALOG",
    "Cannot find catalog plugin class",
    "SCHEMA_NOT_FOUND",  # a single name that is no catalog is looked for as a schema of the session's own
)
_DENIED: Final = (
    "PERMISSION_DENIED",
    "INSUFFICIENT_PERMISSIONS",
    "INSUFFICIENT_PRIVILEGES",
    "AccessControlException",
    "Permission denied",
)
# What Iceberg says of a folder that no run has written into yet.
_EMPTY: Final = ("FileNotFoundException", "Failed to list", "does not exist")


def check_tables(case: Case) -> Iterator[Finding]:
    """Look for catalog, schema and tables, each only if the one above it is there; then try to write."""
    if case.config.tables.path is not None:
        yield from _tables(case)
        yield _writing(case)
        return
    catalog = _catalog(case)
    yield catalog
    if not catalog.verdict.is_fine:
        yield from (skipped(name, "needs the catalog") for name in ("schema", "tables", "permissions"))
        return
    schema, is_there = _schema(case)
    yield schema
    if not is_there:
        yield from (skipped(name, "needs the schema") for name in ("tables", "permissions"))
        return
    yield from _tables(case)
    yield _writing(case)


def _catalog(case: Case) -> Finding:
    catalog = case.config.tables.catalog
    said = refusal(lambda: case.session.sql(f"SHOW SCHEMAS IN {identifier(catalog)}").head(1))
    if not said:
        return ok("catalog", f"{catalog} is there")
    if _has(said, _NO_CATALOG):
        remedy = f"CREATE CATALOG IF NOT EXISTS {identifier(catalog)}; off Databricks --output DIR, or another --catalog"
        return failure("catalog", f"{catalog} is not in this session", remedy)
    if _has(said, _DENIED):
        return failure("catalog", f"{catalog} may not be used", f"GRANT USE CATALOG ON CATALOG {identifier(catalog)} TO `you`")
    if _has(said, _EMPTY):
        return ok("catalog", f"{catalog} is there, and empty")
    return failure("catalog", f"{catalog}: {short(said)}", "picsum-vision setup-sql")


def _schema(case: Case) -> tuple[Finding, bool]:
    """Return the finding, and whether the schema is there."""
    tables = case.config.tables
    readable, schema = f"{tables.catalog}.{tables.schema}", identifier(tables.catalog, tables.schema)
    said = refusal(lambda: case.session.sql(f"DESCRIBE SCHEMA {schema}").head(1))
    if not said:
        return ok("schema", f"{readable} is there"), True
    if _has(said, _DENIED):
        return failure("schema", f"{readable} may not be used", f"GRANT USE SCHEMA ON SCHEMA {schema} TO `you`"), False
    if not _has(said, _NOT_THERE):
        return failure("schema", f"{readable}: {short(said)}", "picsum-vision setup-sql"), False
    if case.is_ours:
        return ok("schema", f"{readable} is not there yet; the first run makes it"), False
    make = f"CREATE SCHEMA IF NOT EXISTS {schema}"
    return warning("schema", f"{readable} is not there; a run makes it if you may", make), False


def _tables(case: Case) -> Iterator[Finding]:
    tables = case.config.tables
    problems = {role: _reading(case, role) for role in COLUMNS}
    for problem in problems.values():
        if problem is not None and not _is_missing(problem):
            yield failed_with("tables", problem)
            return
    missing = [getattr(tables, role) for role, problem in problems.items() if problem is not None]
    there = [getattr(tables, role) for role, problem in problems.items() if problem is None]
    where = f"{tables.catalog}.{tables.schema}" if tables.path is None else tables.path
    words = [f"{', '.join(there)} there"] if there else []
    words += [f"{', '.join(missing)} not yet: picsum-vision run makes them"] if missing else []
    yield ok("tables", f"in {where}: {'; '.join(words)}")


def _reading(case: Case, role: str) -> TableProblem | None:
    try:
        TableStore(case.session, case.config.tables).check_types(role, COLUMNS[role])
    except TableProblem as problem:
        return problem
    return None


def _is_missing(problem: TableProblem) -> bool:
    return "no such table" in str(problem)


def _writing(case: Case) -> Finding:
    if not case.may_write:
        return skipped("permissions", "not tried: --no-write")
    name = f"picsum_vision_doctor_{uuid.uuid4().hex[:12]}"
    return _write_named(case, name) if case.config.tables.path is None else _write_folder(case, name)


def _write_named(case: Case, name: str) -> Finding:
    tables = case.config.tables
    table, schema = identifier(tables.catalog, tables.schema, name), identifier(tables.catalog, tables.schema)
    where = f"{tables.catalog}.{tables.schema}"
    grant = f"GRANT {SCHEMA_PRIVILEGES} ON SCHEMA {schema} TO `you`; for a folder its owner and mode"
    said = refusal(lambda: case.session.sql(f"CREATE TABLE {table} (number INT)"))
    if said:
        return failure("permissions", f"no table can be made in {where}: {short(said)}", grant)
    # The name is ours, and escaped.
    said = refusal(lambda: case.session.sql(f"INSERT INTO {table} VALUES (1)"))  # noqa: S608
    dropped = refusal(lambda: case.session.sql(f"DROP TABLE {table}"))
    if said:
        return failure("permissions", f"nothing can be inserted in {where}: {short(said)}", grant)
    if dropped:
        return warning("permissions", f"{where}.{name} was made and cannot be dropped: {short(dropped)}", f"DROP TABLE {table}")
    return ok("permissions", f"a table can be made, filled and dropped in {where}")


def _write_folder(case: Case, name: str) -> Finding:
    folder = Path(case.config.tables.path or "")
    if "://" in str(case.config.tables.path):
        return skipped("permissions", f"not tried in {case.config.tables.path}: what is written there could not be taken away")
    was_there = folder.exists()
    said = refusal(lambda: case.session.range(1).write.format("delta").save(str(folder / name)))
    shutil.rmtree(folder / name, ignore_errors=True)  # not there where it could not be made
    if not was_there and folder.exists() and not any(folder.iterdir()):
        folder.rmdir()
    if said:
        return failure("permissions", f"nothing can be written in {folder}: {short(said)}", "another --output, or chown, chmod")
    return ok("permissions", f"a table can be written in {folder}")


def _has(said: str, words: Iterable[str]) -> bool:
    return any(word in said for word in words)
