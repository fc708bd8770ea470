"""What a catalog says when it refuses, as one line with the SQL that repairs it."""

from __future__ import annotations

import dataclasses
import uuid

import pytest

import picsum_vision as pv
from picsum_vision.spark.table_problems import table_problem
from picsum_vision.spark.tables import TableStore

TABLES = pv.Tables(catalog="main", schema="pictures")


@pytest.mark.parametrize(
    ("words", "named", "repaired_by"),
    [
        ("[CATALOG_NOT_FOUND] The catalog `main` not found", "catalog: 'main'", "CREATE CATALOG `main`"),
        ("[REQUIRES_SINGLE_PART_NAMESPACE] spark_catalog requires", "catalog: 'main'", "--output DIR"),
        ("[SCHEMA_NOT_FOUND] The schema `pictures` cannot be found", "schema: 'pictures'", "CREATE SCHEMA `main`.`pictures`"),
        ("[TABLE_OR_VIEW_NOT_FOUND] The table or view", "main.pictures.image_desc", "picsum-vision setup-sql"),
        (
            "PERMISSION_DENIED: User does not have USE SCHEMA",
            "main.pictures.image_desc",
            "GRANT USE SCHEMA, SELECT, MODIFY, CREATE TABLE ON SCHEMA",
        ),
        ("org.apache.hadoop.security.AccessControlException: Permission denied", "main.pictures.image_desc", "own the folder"),
        ("[DELTA_CONCURRENT_APPEND] ConcurrentAppendException", "main.pictures.image_desc", "nothing is lost"),
    ],
)
def test_each_refusal_names_the_table_and_what_repairs_it(words, named, repaired_by):
    """The platform's words lead to one line with the name of what is wrong, and the statement or flag that helps."""
    said = str(table_problem(RuntimeError(words + "\n  at a line of Java"), TABLES, "image_desc"))
    assert said.startswith(named)
    assert repaired_by in said
    assert "\n" not in said


@pytest.mark.spark
def test_a_table_that_is_not_there_is_one_line(spark):
    """Reading a table that nobody has made says how it is made."""
    store = TableStore(spark, pv.Tables(schema=f"s_{uuid.uuid4().hex[:8]}"))
    with pytest.raises(pv.TableProblem, match="no such table; `picsum-vision run` makes it"):
        store.read("image_desc")
    assert not store.exists("image_desc")


@pytest.fixture
def store(spark) -> TableStore:
    """Give a schema of its own, without tables."""
    tables = pv.Tables(schema=f"s_{uuid.uuid4().hex[:8]}")
    spark.sql(f"CREATE SCHEMA {tables.catalog}.{tables.schema}")
    return TableStore(spark, tables)


@pytest.mark.spark
def test_columns_that_another_run_adds_meanwhile(spark, store, monkeypatch):
    """Of two first runs on the notebook's tables the one whose ALTER TABLE comes second goes on with the columns of the other."""
    spark.sql(f"CREATE TABLE {store.name('image_codes')} (image_url STRING, image_binary BINARY)")
    sql = TableStore.sql

    def second(self: TableStore, role: str, statement: str) -> None:
        if "ADD COLUMNS" in statement:
            monkeypatch.setattr(TableStore, "sql", sql)
            store.make_missing()
        sql(self, role, statement)

    monkeypatch.setattr(TableStore, "sql", second)
    assert TableStore(spark, store.tables).make_missing() == ["image_urls"]
    assert store.read("image_codes").columns == ["image_url", "image_binary", "download_outcome"]


@pytest.mark.spark
def test_a_table_without_the_key_is_left_as_it_is(spark, store):
    """A table of somebody else's that has columns but not the key gets none of ours: one line says what to do."""
    other = TableStore(spark, dataclasses.replace(store.tables, image_urls="my_photos"))
    spark.sql(f"CREATE TABLE {other.name('image_urls')} (photo STRING)")
    with pytest.raises(pv.TableProblem, match=r"my_photos: no column image_url, which is the key; there are: photo") as caught:
        other.make_missing()
    assert "\n" not in str(caught.value)
    assert other.read("image_urls").columns == ["photo"]


@pytest.mark.spark
def test_tables_are_found_by_names_with_any_signs(spark, store):
    """A name's beginning is no pattern: signs that mean something in one are found as they stand, in any case."""
    for name in ("codes$+(1|[_staged_1", "codes_staged_1", "codes$+(1|[_lease"):
        spark.sql(f"CREATE TABLE {store.name(name)} (image_url STRING)")
    assert store.named_like("CODES$+(1|[_staged_") == ["codes$+(1|[_staged_1"]
