"""The tables: made where they are missing, read, completed; the same statements for Iceberg, Delta and Unity Catalog."""

from __future__ import annotations

import dataclasses
import posixpath
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import functions as F

from picsum_vision.errors import TableProblem
from picsum_vision.redaction import cause
from picsum_vision.spark.columns import name_key
from picsum_vision.spark.commit_conflicts import committed, is_conflict
from picsum_vision.spark.conf import session_setting
from picsum_vision.spark.table_problems import is_about_rights, says_no_such_table, table_problem
from picsum_vision.spark.table_types import refused_keys, unfit_columns
from picsum_vision.sql_text import identifier, literal
from picsum_vision.table_columns import COLUMNS, COMMENTS, KEY, Column, column_list
from picsum_vision.table_names import Tables

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


class TableStore:
    """Reads and completes the job's tables in one session."""

    def __init__(self, spark: SparkSession, tables: Tables) -> None:
        """Take the session and the names."""
        self._spark = spark
        self.tables = tables

    @property
    def spark(self) -> SparkSession:
        """The session."""
        return self._spark

    def with_answers_in(self, image_desc: str) -> TableStore:
        """Return the same tables but for that of the answers."""
        return TableStore(self._spark, dataclasses.replace(self.tables, image_desc=identifier(image_desc)))

    def name(self, role: str) -> str:
        """Return a table's name as SQL has it; what is no role of the three is a table's own name."""
        tables = self.tables
        table = getattr(tables, role, role)
        if tables.path is not None:
            return f"delta.{identifier(posixpath.join(tables.path, table))}"
        return identifier(tables.catalog, tables.schema, table)

    @property
    def using(self) -> str:
        """The format that a new table must be said to have, "" where the catalog knows it by itself.

        Spark's own catalog makes Parquet tables, which cannot be completed safely, unless told otherwise.
        """
        if self.tables.path is not None:
            return "delta"
        if self.tables.catalog != "spark_catalog":
            return ""
        kind = session_setting(self._spark, "spark.sql.catalog.spark_catalog").lower()
        return next((name for name in ("delta", "iceberg") if name in kind), "")

    def make_missing(self) -> list[str]:
        """Make schema and tables where they are missing, and give an older table of the notebook the columns that it lacks.

        Returns the roles of the tables that were made.
        """
        if self.tables.path is None:
            self._make_schema()
        return [role for role, columns in COLUMNS.items() if self.make(role, columns, COMMENTS[role])]

    def read(self, role: str) -> DataFrame:
        """Return a table; raises TableProblem if it is not there."""
        try:
            df = self._spark.table(self.name(role))
            _ = df.schema
        except AnalysisException as error:
            raise table_problem(error, self.tables, role) from cause(error)
        return df

    def exists(self, role: str) -> bool:
        """Return whether the table is there; raises TableProblem where that cannot be known."""
        try:
            _ = self._spark.table(self.name(role)).schema
        except AnalysisException as error:
            if says_no_such_table(error):
                return False
            raise table_problem(error, self.tables, role) from cause(error)
        return True

    def check_types(self, role: str, columns: Sequence[Column]) -> None:
        """Raise TableProblem if rows with these columns do not fit into the table's, with the SQL that repairs it."""
        schema, key = self.read(role).schema, name_key(self._spark)
        if schema.fields and role in COLUMNS and KEY not in map(key, schema.names):
            there = ", ".join(schema.names)
            told = f"{self.tables.readable(role)}: no column {KEY}, which is the key; there are: {there}"
            raise TableProblem(f"{told}; give the job another table, or rename the column that has the addresses to {KEY}")
        if next(unfit_columns(columns, schema, self.name(role), is_delta=False, name_key=key), None) is None:
            return
        is_delta = any(name.startswith("delta.") for name in self.properties(role))
        unfit = next(unfit_columns(columns, schema, self.name(role), is_delta=is_delta, name_key=key))
        raise TableProblem(f"{self.tables.readable(role)}: {unfit}")

    def check_keys(self, asked: DataFrame) -> None:
        """Raise TableProblem if a table's key does not take one of these addresses, with the SQL that repairs it.

        What is paid for could not be published. They are looked at only where a key does not take any text.
        """
        for role in COLUMNS:
            for is_refused, problem in refused_keys(self.read(role).schema, self.name(role)):
                if asked.where(is_refused).take(1):
                    raise TableProblem(f"{self.tables.readable(role)}: {problem}")

    def refresh(self, role: str) -> None:
        """Forget what the session's catalog keeps of a table, so that what others have committed is seen from now on.

        Iceberg's catalogs keep tables in memory unless told otherwise. What is known by its path is read anew each time.
        """
        # Of a table that is not there, pyspark would print Java's whole stack.
        if self.tables.path is None and self.exists(role):
            self._guarded(role, lambda: self._spark.sql(f"REFRESH TABLE {self.name(role)}"))

    def named_like(self, beginning: str) -> list[str]:
        """Return the names of the schema's tables that begin so, whatever their case; nothing where tables are known by path."""
        if self.tables.path is not None:
            return []
        schema = identifier(self.tables.catalog, self.tables.schema)
        # Not with LIKE, whose pattern gives signs a meaning that a name may have.
        names = (row["tableName"] for row in self._spark.sql(f"SHOW TABLES IN {schema}").collect())
        return sorted(name for name in names if name.casefold().startswith(beginning.casefold()))

    def missing_from(self, role: str, asked: DataFrame, key: str = KEY) -> DataFrame:
        """Return the rows of `asked` whose key the table has not, reading nothing of it but the key; NULL is a key, too."""
        present = self.read(role).select(F.col(key).alias("present_key"))
        return asked.join(present, F.col(key).eqNullSafe(F.col("present_key")), "left_anti")

    def among(self, role: str, asked: DataFrame) -> DataFrame:
        """Return the table's rows whose key is in `asked`."""
        keys = asked.select(F.col(KEY).alias("asked_key")).distinct()
        return self.read(role).join(keys, F.col(KEY).eqNullSafe(F.col("asked_key")), "left_semi")

    def append(self, role: str, rows: DataFrame) -> None:
        """Add rows, by column name, in one commit. It is not tried again: making the rows may ask hosts and models."""
        self._guarded(role, lambda: self._append(role, rows))

    def append_once(self, role: str, rows: DataFrame) -> bool:
        """Add rows that nobody has added yet; return whether they went in, False where another commit was quicker."""
        try:
            self.append(role, rows)
        except TableProblem as problem:
            if problem.__cause__ is None or not is_conflict(problem.__cause__):
                raise
            return False
        return True

    def write_anew(self, role: str, rows: DataFrame, comment: str, properties: Mapping[str, str]) -> None:
        """Make a table of these rows, in one commit; where it is known by its path it takes the place of an empty one."""
        writer = rows.writeTo(self.name(role)).tableProperty("comment", comment)
        for key, value in properties.items():
            writer = writer.tableProperty(key, value)
        writer = writer.using(self.using) if self.using else writer
        self._guarded(role, writer.create if self.tables.path is None else writer.createOrReplace)

    def append_anew(self, role: str, rows: Callable[[], DataFrame]) -> None:
        """Add the rows that `rows` returns, asked again for each try of the commit."""
        self._guarded(role, lambda: committed(lambda: self._append(role, rows())))

    def append_missing(self, role: str, rows: DataFrame, key: str = KEY, *, none_is_there: bool = False) -> None:
        """Add the rows whose key the table has not.

        `none_is_there` saves looking, but for a commit that is tried again: the first one may have gone in after all.
        """
        as_they_are = [rows] if none_is_there else []
        self.append_anew(role, lambda: as_they_are.pop() if as_they_are else self.missing_from(role, rows, key))

    def sql(self, role: str, statement: str) -> None:
        """Run a statement that changes a table, again where another commit was quicker."""
        self._guarded(role, lambda: committed(lambda: self._spark.sql(statement)))

    def make(self, role: str, columns: Sequence[Column], comment: str) -> bool:
        """Make a table unless it is there: who may only write to it has no right to say CREATE. Return whether it was made.

        One that is there is given the columns that it lacks; raises TableProblem if its own do not fit.
        """
        if not self.exists(role):
            using = f" USING {self.using}" if self.using else ""
            described = f"({column_list(columns)}){using} COMMENT {literal(comment)}"
            self.sql(role, f"CREATE TABLE IF NOT EXISTS {self.name(role)} {described}")
            return True
        self.check_types(role, columns)
        if lacking := self.lacking(role, columns):
            self._add_columns(role, lacking)
        return False

    def lacking(self, role: str, columns: Sequence[Column]) -> list[Column]:
        """Return those of the columns that the table has not."""
        key = name_key(self._spark)
        there = set(map(key, self.read(role).columns))
        return [column for column in columns if column[0] not in there]

    def properties(self, role: str) -> dict[str, str]:
        """Return a table's properties."""
        return {row["key"]: row["value"] for row in self._spark.sql(f"SHOW TBLPROPERTIES {self.name(role)}").collect()}

    def replace_all(self, role: str, rows: DataFrame) -> None:
        """Put these rows in the place of the table's own, in one commit; they may be read from what it has."""
        columns = [name for name, _, _ in COLUMNS[role]]
        writer = rows.select(*columns).writeTo(self.name(role))
        self._guarded(role, lambda: writer.overwrite(F.lit(True)))  # noqa: FBT003 - a column's value

    def delete_all(self, role: str) -> None:
        """Delete a table's rows in one commit; the table and its history stay."""
        self.sql(role, f"DELETE FROM {self.name(role)}")  # noqa: S608 - the name is escaped

    def empty(self, role: str) -> None:
        """Take a table of ours away with its files; of a Delta table that is known by its path only, the rows."""
        if self.tables.path is not None:
            if self.exists(role):
                self.delete_all(role)
            return
        statement = f"DROP TABLE IF EXISTS {self.name(role)}"
        try:
            self._spark.sql(f"{statement} PURGE")
        except PySparkException:
            # A catalog that knows no PURGE removes the files in its own time.
            self.sql(role, statement)

    def _append(self, role: str, rows: DataFrame) -> None:
        columns = [name for name, _, _ in COLUMNS[role]] if role in COLUMNS else rows.columns
        rows.select(*columns).writeTo(self.name(role)).append()

    def _make_schema(self) -> None:
        """Make the schema unless it is there: who may only use it has no right to say CREATE."""
        schema = identifier(self.tables.catalog, self.tables.schema)
        try:
            self._spark.sql(f"DESCRIBE SCHEMA {schema}")
        except AnalysisException:
            self.sql("image_urls", f"CREATE SCHEMA IF NOT EXISTS {schema}")

    def _add_columns(self, role: str, columns: Sequence[Column]) -> None:
        """Add columns, unless another run does so at the same time: nobody holds the lease yet."""
        try:
            self.sql(role, f"ALTER TABLE {self.name(role)} ADD COLUMNS ({column_list(columns)})")
        except Exception:
            self.refresh(role)
            if self.lacking(role, columns):
                raise

    def _guarded(self, role: str, work: Callable[[], object]) -> None:
        try:
            work()
        except AnalysisException as error:
            raise table_problem(error, self.tables, role) from cause(error)
        except Exception as error:
            if is_conflict(error) or is_about_rights(error):
                raise table_problem(error, self.tables, role) from cause(error)
            raise
