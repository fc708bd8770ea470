"""The tables: made where they are missing, read, completed; the same statements for Iceberg, Delta and Unity Catalog."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import functions as F

from picsum_vision.errors import TableProblem
from picsum_vision.sql_text import identifier, literal
from picsum_vision.table_columns import COLUMNS, COMMENTS, KEY, Column, column_list
from picsum_vision.table_names import Tables

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_MISSING_CATALOG: Final = ("CATALOG_NOT_FOUND", "REQUIRES_SINGLE_PART_NAMESPACE", "NO_SUCH_CATALOG")
_DENIED: Final = ("PERMISSION_DENIED", "INSUFFICIENT_PERMISSIONS", "INSUFFICIENT_PRIVILEGES")


class TableStore:
    """Reads and completes the job's tables in one session."""

    def __init__(self, spark: SparkSession, tables: Tables) -> None:
        """Take the session and the names."""
        self._spark = spark
        self._tables = tables

    def name(self, role: str) -> str:
        """Return a table's name as SQL has it."""
        tables = self._tables
        table = getattr(tables, role, role)
        if tables.path is not None:
            return f"delta.{identifier(posixpath.join(tables.path, table))}"
        return identifier(tables.catalog, tables.schema, table)

    def make_missing(self) -> None:
        """Make schema and tables where they are missing, and give an older table of the notebook the columns that it lacks."""
        if self._tables.path is None:
            self._make_schema()
        for role in COLUMNS:
            self._make(role)

    def read(self, role: str) -> DataFrame:
        """Return a table; raises TableProblem if it is not there."""
        try:
            df = self._spark.table(self.name(role))
            _ = df.schema
        except AnalysisException as error:
            raise self._problem(error, role) from error
        return df

    def missing_from(self, role: str, asked: DataFrame) -> DataFrame:
        """Return the rows of `asked` whose key the table has not, reading nothing of it but the key; NULL is a key, too."""
        present = self.read(role).select(F.col(KEY).alias("present_key"))
        return asked.join(present, F.col(KEY).eqNullSafe(F.col("present_key")), "left_anti")

    def among(self, role: str, asked: DataFrame) -> DataFrame:
        """Return the table's rows whose key is in `asked`."""
        keys = asked.select(F.col(KEY).alias("asked_key")).distinct()
        return self.read(role).join(keys, F.col(KEY).eqNullSafe(F.col("asked_key")), "left_semi")

    def append(self, role: str, rows: DataFrame) -> None:
        """Add rows, by column name, in one commit."""
        columns = [F.col(name) for name, _, _ in COLUMNS[role]]
        self._guarded(role, lambda: rows.select(*columns).writeTo(self.name(role)).append())

    def append_to_both(self, rows: DataFrame) -> None:
        """Feed image_codes and image_desc from rows with the columns of both, evaluated once: written down, then copied."""
        both = {name: column for role in ("image_codes", "image_desc") for column in COLUMNS[role] for name in column[:1]}
        del both["image_binary"]
        self._write_down("image_staged", rows, tuple(both.values()))
        staged = self.read("image_staged")
        self.append("image_codes", staged.withColumn("image_binary", F.lit(None).cast("binary")))
        self.append("image_desc", staged)
        self._drop("image_staged")

    def replace(self, role: str, rows: DataFrame) -> None:
        """Put rows in the place of those with the same key, and add the new ones, in one commit.

        A MERGE may evaluate its source more than once, and this source asks hosts and models: it is written down first.
        """
        staged = f"{role}_staged"
        self._write_down(staged, rows, COLUMNS[role])
        columns = [name for name, _, _ in COLUMNS[role]]
        assignments = ", ".join(f"t.{identifier(name)} = s.{identifier(name)}" for name in columns)
        inserted = ", ".join(identifier(name) for name in columns)
        values = ", ".join(f"s.{identifier(name)}" for name in columns)
        self._sql(
            role,
            f"MERGE INTO {self.name(role)} AS t USING {self.name(staged)} AS s ON t.{KEY} <=> s.{KEY} "  # noqa: S608 - names are escaped
            f"WHEN MATCHED THEN UPDATE SET {assignments} WHEN NOT MATCHED THEN INSERT ({inserted}) VALUES ({values})",
        )
        self._drop(staged)

    def _write_down(self, name: str, rows: DataFrame, columns: tuple[Column, ...]) -> None:
        self._drop(name)
        self._create(name, columns, "Rows on their way to another table; may be dropped while no job runs")
        self._guarded(name, lambda: rows.select(*(column for column, _, _ in columns)).writeTo(self.name(name)).append())

    def _make_schema(self) -> None:
        """Make the schema unless it is there: who may only use it has no right to say CREATE."""
        schema = identifier(self._tables.catalog, self._tables.schema)
        try:
            self._spark.sql(f"DESCRIBE SCHEMA {schema}")
        except AnalysisException:
            self._sql("image_urls", f"CREATE SCHEMA IF NOT EXISTS {schema}")

    def _make(self, role: str) -> None:
        self._create(role, COLUMNS[role], COMMENTS[role])
        there = {name.lower() for name in self.read(role).columns}
        lacking = [column for column in COLUMNS[role] if column[0] not in there]
        if lacking:
            self._sql(role, f"ALTER TABLE {self.name(role)} ADD COLUMNS ({column_list(lacking)})")

    def _create(self, role: str, columns: Iterable[Column], comment: str) -> None:
        using = "" if self._tables.path is None else " USING delta"
        self._sql(
            role, f"CREATE TABLE IF NOT EXISTS {self.name(role)} ({column_list(columns)}){using} COMMENT {literal(comment)}"
        )

    def _drop(self, name: str) -> None:
        if self._tables.path is None:
            self._spark.sql(f"DROP TABLE IF EXISTS {self.name(name)}")
            return
        # A Delta table that is known by its path only cannot be dropped by name.
        try:
            self._spark.sql(f"DELETE FROM {self.name(name)}")  # noqa: S608 - the name is escaped
        except AnalysisException:
            return

    def _sql(self, role: str, statement: str) -> None:
        self._guarded(role, lambda: self._spark.sql(statement))

    def _guarded(self, role: str, work: Callable[[], object]) -> None:
        try:
            work()
        except AnalysisException as error:
            raise self._problem(error, role) from error

    def _problem(self, error: PySparkException, role: str) -> TableProblem:
        text = str(error)
        tables, readable = self._tables, self._tables.readable(role)
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
        if "TABLE_OR_VIEW_NOT_FOUND" in text or "PATH_NOT_FOUND" in text or "DELTA_TABLE_NOT_FOUND" in text:
            return TableProblem(
                f"{readable}: no such table; `picsum-vision run` makes it, or the statements of `picsum-vision setup-sql`"
            )
        if "SCHEMA_NOT_FOUND" in text:
            return TableProblem(
                f"schema: {tables.schema!r} is not there; CREATE SCHEMA {identifier(tables.catalog, tables.schema)}"
            )
        return TableProblem(f"{readable}: {' '.join(text.split())[:300]}")
