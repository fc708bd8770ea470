"""Texts of users arrive as they are, whatever the session's parser makes of SQL text."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql.types import StringType, StructField, StructType
from session_conf import session_conf
from whole_jobs import fresh_tables

import picsum_vision as pv
from picsum_vision.errors import SettingError
from picsum_vision.spark.ai_query import _asked
from picsum_vision.spark.quality_rules import AskedLanguage, measured
from picsum_vision.spark.quality_table import _COLUMNS as QUALITY_COLUMNS
from picsum_vision.spark.run_table import _COLUMNS as RUN_COLUMNS
from picsum_vision.spark.run_table import RUN_TABLE, RunTable
from picsum_vision.spark.tables import TableStore
from picsum_vision.sql_text import identifier, is_name, literal, name_parts, readable_name, table_name
from picsum_vision.table_columns import COLUMNS, COMMENTS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# py4j leaves the sockets of what it has collected to the garbage collector.
PY4J = "ignore:Exception ignored in.*socket:pytest.PytestUnraisableExceptionWarning"
pytestmark = [pytest.mark.spark, pytest.mark.filterwarnings(PY4J), pytest.mark.filterwarnings("ignore::ResourceWarning")]

PARSERS = (
    {"spark.sql.parser.escapedStringLiterals": "false"},
    {
        "spark.sql.parser.escapedStringLiterals": "true",
        "spark.sql.ansi.enabled": "true",
        "spark.sql.ansi.doubleQuotedIdentifiers": "true",
    },
)
REFERENCES = ("${env:HOME}", "${HOME}", "${system:user.name}", "${spark:spark.app.name}", "${spark.app.name}", "${hivevar:x}")
HOSTILE = (
    "",
    "'",
    "\\",
    "''",
    "\\'",
    "l'arte\\n",
    "$",
    "${",
    "$${env:HOME}}",
    "{x}",
    '"',
    "a\nb\tc",
    "\u2028è漢🙂",
    "%s :x ?",
    "--",
    *REFERENCES,
)
PIECES = st.one_of(
    st.sampled_from(HOSTILE), st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=9)
)
TEXTS = st.lists(PIECES, max_size=6).map("".join)
ALL_AT_ONCE = "c'è \"un\" \\n gatto\\' ${env:HOME} $${spark.app.name}\n${system:user.name} 🙂 \\"


@pytest.fixture(params=PARSERS, ids=["default", "escaped"])
def parser(request: pytest.FixtureRequest, spark: SparkSession) -> Iterator[None]:
    """Give a session whose parser is set so."""
    with session_conf(spark, request.param):
        yield


@pytest.mark.usefixtures("parser")
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(TEXTS, min_size=5, max_size=30))
def test_a_literal_is_its_text(spark: SparkSession, texts: list[str]) -> None:
    """What Spark reads is the text itself, character by character: nothing is replaced, taken for an escape or cut."""
    (row,) = spark.sql(f"SELECT {', '.join(map(literal, texts))}").collect()
    assert list(row) == texts


def test_texts_that_stand_in_ddl_are_plain() -> None:
    """A comment must be a single literal, so the columns' and tables' own need nothing that one cannot hold."""
    columns = [*sum(COLUMNS.values(), ()), *RUN_COLUMNS, *QUALITY_COLUMNS]
    texts = [*COMMENTS.values(), *(comment for _, _, comment in columns)]
    assert [text for text in texts if literal(text) != f"'{text}'"] == []


@given(parts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=9), min_size=1, max_size=4))
def test_a_name_comes_back(parts: list[str]) -> None:
    """A name that is quoted, or written as a person would, has the same parts again."""
    for written in (identifier(*parts), readable_name(*parts)):
        assert is_name(written)
        assert name_parts(written) == parts


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        ("my-table", ["my-table"]),
        ("cat.schema.my-table", ["cat", "schema", "my-table"]),
        ("cat-1.`s.t`.2nd", ["cat-1", "s.t", "2nd"]),
        ("`a``b`.select.दो", ["a`b", "select", "दो"]),
        ("`my urls`", ["my urls"]),
    ],
)
def test_a_name_is_read_as_people_write_it(written: str, parts: list[str]) -> None:
    """Backticks are needed for dots, blanks, slashes and quotes only."""
    assert name_parts(written) == parts
    assert table_name("urls_from", written) == identifier(*parts)


@pytest.mark.parametrize("name", ["", "a..b", ".a", "a.", "a b", "`a", "a`b", "s3://a", "a/b", "`a`b", "``", "t${env:HOME}"])
def test_what_is_no_name_is_refused(name: str) -> None:
    """A name that Spark could not read, or would read as another one, is one line that names the setting."""
    with pytest.raises(SettingError, match=r"^urls_from: .* is not allowed; it must "):
        table_name("urls_from", name)


def asked(spark: SparkSession, tasks: list[Any]) -> list[tuple[str, str, Any]]:
    """Ask a function named `ai_query` about one image, once for each task; return endpoint, prompt and schema as they arrived."""
    from pyspark.sql.functions import pandas_udf

    def ai_query(endpoint, request, failOnError, modelParameters, files, responseFormat=None):  # type: ignore[no-untyped-def] # noqa: N803
        kinds = [None] * len(request) if responseFormat is None else list(responseFormat)
        return pd.Series([json.dumps(row) for row in zip(endpoint, request, kinds, strict=True)])

    names = ("endpoint", "request", "failOnError", "files", "responseFormat", "return")
    ai_query.__annotations__ = dict.fromkeys(names, pd.Series) | {"modelParameters": pd.DataFrame}
    spark.udf.register("ai_query", pandas_udf(ai_query, "STRING"))
    column, found = "a ${env:HOME} `b`", []
    rows = spark.createDataFrame([(bytearray(b"x"),)], "i BINARY").toDF(column).repartition(1)
    try:
        for task in tasks:
            df = _asked(rows, pv.AiQuery(), column, task, pv.DescribeOptions())
            (row,) = df.select("picsum_vision_answer").collect()
            endpoint, prompt, schema = json.loads(row[0])
            found.append((endpoint, prompt, schema and json.loads(schema)["json_schema"]["schema"]))
    finally:
        spark.sql("DROP TEMPORARY FUNCTION IF EXISTS ai_query")
    return found


@pytest.mark.usefixtures("parser")
def test_ai_query_is_asked_what_the_task_says(spark: SparkSession) -> None:
    """Prompt, labels, language and a schema's comments arrive as they were written, and so does the column's own name."""
    tasks = [
        pv.Describe(prompt=f"{ALL_AT_ONCE}?"),
        pv.Describe(prompt="".join(HOSTILE)),
        pv.Classify(labels=(ALL_AT_ONCE, *filter(str.strip, HOSTILE))),
        pv.Extract(StructType([StructField(ALL_AT_ONCE.strip(), StringType(), metadata={"comment": "l'uno ${env:HOME} \\n"})])),
        pv.Extract("colour STRING COMMENT 'l''uno ${env:HOME}', people INT", prompt=ALL_AT_ONCE),
    ]
    expected = [("databricks-llama-4-maverick", task.full_prompt, task.json_schema()) for task in tasks]
    assert asked(spark, tasks) == expected


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize("table_format", ["iceberg", "delta"])
def test_a_run_is_written_down_as_it_was(spark: SparkSession, tmp_path: Path, table_format: str) -> None:
    """Settings, checkpoint location, versions, messages and counts stand in image_runs as they are."""
    store = TableStore(spark, fresh_tables(table_format, tmp_path / "o'clock $x \\d"))
    store.make_missing()
    run_id, other = f"run {ALL_AT_ONCE}", "another"
    table = RunTable(spark, store, run_id)
    table.begin(settings=ALL_AT_ONCE, versions={ALL_AT_ONCE: ALL_AT_ONCE}, stream=f"/a/{ALL_AT_ONCE}#1")
    RunTable(spark, store, other).begin(settings="".join(HOSTILE), versions={}, stream=None)
    before_s = dt.datetime.now(dt.timezone.utc)
    RunTable(spark, store, other).end("failed", message=ALL_AT_ONCE, rows=3, cost=1e-7, download_by_status={ALL_AT_ONCE: 2**40})
    rows = {row["run_id"]: row.asDict() for row in store.read(RUN_TABLE).collect()}
    assert set(rows) == {run_id, other}
    first, second = rows[run_id], rows[other]
    assert (first["settings"], first["stream"]) == (ALL_AT_ONCE, f"/a/{ALL_AT_ONCE}#1")
    assert (first["versions"], second["versions"]) == ({ALL_AT_ONCE: ALL_AT_ONCE}, {})
    assert (first["state"], first["message"]) == ("abandoned", f"found by run {other}")
    assert (second["settings"], second["message"], second["stream"]) == ("".join(HOSTILE), ALL_AT_ONCE, None)
    assert (second["rows"], second["cost"], second["download_by_status"]) == (3, 1e-7, {ALL_AT_ONCE: 2**40})
    assert abs(second["ended_at"].astimezone(dt.timezone.utc) - before_s) < dt.timedelta(hours=1)


@pytest.mark.usefixtures("parser")
def test_a_prompt_in_the_rules_of_quality_is_a_text(spark: SparkSession) -> None:
    """The language of a prompt of one's own is told from its words, whatever signs stand between them."""
    images = spark.createDataFrame(
        [("u", (None, None, None))], "image_url STRING, download_outcome STRUCT<sha256: STRING, width: INT, height: INT>"
    )
    text = "This is the picture of a dog that runs over the field with its ball"
    answers = spark.createDataFrame(
        [("u", text, ("ok", "describe"))],
        "image_url STRING, descrizione STRING, describe_outcome STRUCT<status: STRING, task: STRING>",
    )
    missed = []
    for words in (
        "Descrivi l'immagine che si vede e non altro, per una che la legge",
        "Say what the picture is of, and how it was made",
    ):
        language = AskedLanguage(tag="it", prompt=f"{words} {ALL_AT_ONCE}")
        missed.append(measured(images, answers, language).other_language)
    assert missed == [1, 0]
