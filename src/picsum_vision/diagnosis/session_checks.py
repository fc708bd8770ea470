"""The session: its kind, catalog, schema and tables, whether this user may make and fill one, the job's list, and `ai_query`."""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pyspark

from picsum_vision.describing.backends import AiQuery
from picsum_vision.diagnosis.finding import Case, Check, Finding, Verdict, failed_with, failure, ok, skipped, warning
from picsum_vision.diagnosis.worker_checks import check_workers, refusal, short
from picsum_vision.errors import TableProblem
from picsum_vision.spark.ai_query_probe import probe_ai_query
from picsum_vision.spark.conf import session_setting
from picsum_vision.spark.session_running import is_connect
from picsum_vision.spark.tables import TableStore
from picsum_vision.spark.transforms import describe
from picsum_vision.spark.url_sources import urls_from
from picsum_vision.sql_text import identifier
from picsum_vision.table_columns import COLUMNS
from picsum_vision.table_names import SCHEMA_PRIVILEGES

_NO_SCHEMA: Final = re.compile("SCHEMA_NOT_FOUND|NoSuchNamespaceException|NAMESPACE_NOT_FOUND")
# A single name that is no catalog is looked for as a schema of the session's own.
_NO_CATALOG: Final = re.compile(
    "CATALOG_NOT_FOUND|REQUIRES_SINGLE_PART_NAMESPACE|NO_SUCH_CATALOG|Cannot find catalog plugin class|SCHEMA_NOT_FOUND"
)
_DENIED: Final = re.compile(
    "PERMISSION_DENIED|INSUFFICIENT_PERMISSIONS|INSUFFICIENT_PRIVILEGES|AccessControlException|Permission denied"
)
# What Iceberg says of a folder that no run has written into yet.
_EMPTY: Final = re.compile("FileNotFoundException|Failed to list|does not exist")
# What Spark's readers take at once, in rows, unless told otherwise, and what is enough at most and what is set instead: a usual
# image has 50 kB, a large one 20 times as much.
_ROWS_AT_ONCE: Final = {
    "spark.sql.parquet.columnarReaderBatchSize": (512, 32),
    "spark.sql.execution.arrow.maxRecordsPerBatch": (2_000, 128),
}


def _session(case: Case) -> Iterator[Finding]:
    spark = case.session
    kind = "Spark Connect" if is_connect(spark) else "classic"
    server, client = spark.version, pyspark.__version__
    minor = ".".join(server.split(".")[:2])
    if is_connect(spark) and not client.startswith(f"{minor}."):
        newer = f"pip install 'pyspark[connect]=={minor}.*'"
        yield warning("session", f"{kind}: the server is Spark {server}, the client {client}", newer)
    else:
        yield ok("session", f"{kind}, Spark {server}")
    if session_setting(spark, "spark.speculation") == "true":
        twice = "spark.speculation is on: the rows of a task that Spark repeats are fetched, asked about and paid for twice"
        yield warning("speculation", twice, "set spark.speculation to false in the cluster's configuration")


def _catalog_to_tables(case: Case) -> Iterator[Finding]:
    """Look for catalog, schema and tables, each only if the one above it is there; then try to write."""
    if case.config.tables.path is None:
        catalog = _catalog(case)
        yield catalog
        if catalog.verdict is Verdict.FAILURE:
            yield from (skipped(name, "needs the catalog") for name in ("schema", "tables", "permissions"))
            return
        schema, is_there = _schema(case)
        yield schema
        if not is_there:
            yield from (skipped(name, "needs the schema") for name in ("tables", "permissions"))
            return
    yield _tables(case)
    if not case.may_write:
        yield skipped("permissions", "not tried: --no-write")
    else:
        name = f"picsum_vision_doctor_{uuid.uuid4().hex[:12]}"
        yield _writing_by_name(case, name) if case.config.tables.path is None else _writing_by_path(case, name)


def _catalog(case: Case) -> Finding:
    catalog = case.config.tables.catalog
    said = refusal(lambda: case.session.sql(f"SHOW SCHEMAS IN {identifier(catalog)}").head(1))
    if not said:
        return ok("catalog", f"{catalog} is there")
    if _NO_CATALOG.search(said):
        remedy = f"CREATE CATALOG IF NOT EXISTS {identifier(catalog)}; off Databricks --output DIR, or another --catalog"
        return failure("catalog", f"{catalog} is not in this session", remedy)
    if _DENIED.search(said):
        return failure("catalog", f"{catalog} may not be used", f"GRANT USE CATALOG ON CATALOG {identifier(catalog)} TO `you`")
    if _EMPTY.search(said):
        return ok("catalog", f"{catalog} is there, and empty")
    return failure("catalog", f"{catalog}: {short(said)}", "picsum-vision setup-sql")


def _schema(case: Case) -> tuple[Finding, bool]:
    """Return the finding, and whether the schema is there."""
    tables = case.config.tables
    readable, schema = f"{tables.catalog}.{tables.schema}", identifier(tables.catalog, tables.schema)
    said = refusal(lambda: case.session.sql(f"DESCRIBE SCHEMA {schema}").head(1))
    if not said:
        return ok("schema", f"{readable} is there"), True
    if _DENIED.search(said):
        return failure("schema", f"{readable} may not be used", f"GRANT USE SCHEMA ON SCHEMA {schema} TO `you`"), False
    if not _NO_SCHEMA.search(said):
        return failure("schema", f"{readable}: {short(said)}", "picsum-vision setup-sql"), False
    if case.is_ours:
        return ok("schema", f"{readable} is not there yet; the first run makes it"), False
    make = f"CREATE SCHEMA IF NOT EXISTS {schema}"
    return warning("schema", f"{readable} is not there; a run makes it if you may", make), False


def _tables(case: Case) -> Finding:
    tables = case.config.tables
    problems = {getattr(tables, role): _table_problem(case, role) for role in COLUMNS}
    for problem in problems.values():
        if problem is not None and "no such table" not in str(problem):
            return failed_with("tables", problem)
    there = ", ".join(name for name, problem in problems.items() if problem is None)
    missing = ", ".join(name for name, problem in problems.items() if problem is not None)
    words = [there and f"{there} there", missing and f"{missing} not yet: picsum-vision run makes them"]
    where = f"{tables.catalog}.{tables.schema}" if tables.path is None else tables.path
    return ok("tables", f"in {where}: {'; '.join(filter(None, words))}")


def _table_problem(case: Case, role: str) -> TableProblem | None:
    try:
        TableStore(case.session, case.config.tables).check_types(role, COLUMNS[role])
    except TableProblem as problem:
        return problem
    return None


def _writing_by_name(case: Case, name: str) -> Finding:
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


def _writing_by_path(case: Case, name: str) -> Finding:
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


def _source(case: Case) -> Iterator[Finding]:
    config = case.config
    if config.urls_from is None:
        yield skipped("url source", "the job makes its addresses itself")
        return
    rows = urls_from(case.session, config.urls_from, config.url_col).rows
    words = f"{config.urls_from} can be read by its column {config.url_col!r}"
    yield ok("url source", words) if rows else warning("url source", f"{words}, and is empty")


def _ai_query(case: Case) -> Iterator[Finding]:
    backend = case.config.backend
    if not isinstance(backend, AiQuery):
        yield skipped("ai_query", "not needed by this job")
        return
    if case.ask_model:
        probe_ai_query(case.session, backend)
        yield ok("ai_query", f"{backend.endpoint} has answered one question")
        return
    nothing = case.session.createDataFrame([], "image BINARY")
    _ = describe(nothing, backend, image_col="image", output_col="answer", task=case.config.task).schema
    yield ok("ai_query", f"{backend.function} is there and takes files; --ask-model asks {backend.endpoint}")


def _reading(case: Case) -> Iterator[Finding]:
    """Look at how many rows Spark reads and hands to Python at once: images are wide, and its defaults are for narrow rows."""
    name = "read batches"
    seen = {setting: session_setting(case.session, setting) for setting in _ROWS_AT_ONCE}
    rows = {setting: int(text) for setting, text in seen.items() if text.isdecimal()}
    wide = [setting for setting, number in rows.items() if number > _ROWS_AT_ONCE[setting][0]]
    if not case.config.keep_images:
        yield skipped(name, "no images are kept")
    elif wide:
        words = ", ".join(f"{setting} is {rows[setting]:,} rows" for setting in wide)
        remedy = "; ".join(f"SET {setting} = {_ROWS_AT_ONCE[setting][1]}" for setting in wide)
        yield warning(name, f"{words}: a table of large images may not be read back for want of memory", remedy)
    else:
        yield ok(name, ", ".join(f"{setting.rpartition('.')[2]} {rows.get(setting)}" for setting in seen))


SESSION_CHECKS: Final[dict[str, Check]] = {
    "session": _session,
    "tables": _catalog_to_tables,
    "url source": _source,
    "ai_query": _ai_query,
    "worker python": check_workers,
    "read batches": _reading,
}
