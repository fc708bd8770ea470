"""What a catalog says when it refuses, as one line with the SQL that repairs it."""

from __future__ import annotations

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
        ("PERMISSION_DENIED: User does not have USE SCHEMA", "main.pictures.image_desc", "GRANT ALL PRIVILEGES ON SCHEMA"),
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
