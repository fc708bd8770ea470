"""A whole job means the same under every setting of the session, and with every name that a table may have."""

from __future__ import annotations

import re
import uuid

import pytest
from pyspark.sql.types import TimestampType
from session_conf import session_conf
from whole_jobs import check_one_row_each, fresh_tables, job, make_table

import picsum_vision as pv
from picsum_vision.pipeline.stream import _table_stream
from picsum_vision.spark.job_state import JobState
from picsum_vision.spark.read_tables import ReadTables
from picsum_vision.spark.run_table import RUN_TABLE
from picsum_vision.spark.tables import TableStore
from picsum_vision.spark.url_sources import urls_from
from picsum_vision.sql_text import identifier
from picsum_vision.testing.image_server import ImageServer

pytestmark = pytest.mark.spark

SETTINGS = {
    "timestamps": {"spark.sql.timestampType": "TIMESTAMP_NTZ"},
    "case": {"spark.sql.caseSensitive": "true"},
    "escaped": {"spark.sql.parser.escapedStringLiterals": "true"},
    "not ansi": {"spark.sql.ansi.enabled": "false", "spark.sql.storeAssignmentPolicy": "LEGACY"},
    "strict": {"spark.sql.storeAssignmentPolicy": "STRICT"},
    "reserved": {
        "spark.sql.ansi.enabled": "true",
        "spark.sql.ansi.enforceReservedKeywords": "true",
        "spark.sql.ansi.doubleQuotedIdentifiers": "true",
    },
    "time zone": {"spark.sql.session.timeZone": "Asia/Kathmandu"},
    "regular names": {"spark.sql.parser.quotedRegexColumnNames": "true"},
    "texts": {"spark.sql.legacy.charVarcharAsString": "true"},
    "parsers": {"spark.sql.legacy.timeParserPolicy": "LEGACY", "spark.sql.legacy.sizeOfNull": "true"},
    "three values": {"spark.sql.legacy.followThreeValuedLogicInArrayExists": "false", "spark.sql.crossJoin.enabled": "false"},
}
TOGETHER = {name: value for kind, conf in SETTINGS.items() if kind != "not ansi" for name, value in conf.items()}


def check_a_job(spark, tables: pv.Tables, conf: dict[str, str]) -> None:
    """Run a job and look at it under these settings; under the usual ones there is nothing left to do then."""
    with ImageServer() as images:
        config = job(tables, images, images=3, start=84)
        with session_conf(spark, conf):
            report = pv.run_pipeline(spark, config)
            assert (report.download.ok, report.describe.ok) == (2, 2)
            assert report.quality is not None
            assert report.quality.other_language == 0
        done = pv.run_pipeline(spark, config)
        assert (done.download.skipped, done.describe.skipped) == (3, 3)
    check_one_row_each(spark, tables, 3)
    store = TableStore(spark, tables)
    for role, outcome in (("image_codes", "download_outcome"), ("image_desc", "describe_outcome")):
        assert store.read(role).schema[outcome].dataType["finished_at"].dataType == TimestampType()
    runs = store.read(RUN_TABLE).where("state = 'ok'")
    assert runs.schema["started_at"].dataType == TimestampType()
    assert runs.where("ended_at BETWEEN started_at AND started_at + INTERVAL 10 MINUTES").count() == 2


@pytest.mark.parametrize("table_format", ["iceberg", "delta"])
def test_a_job_means_the_same_under_all_settings(spark, tmp_path, table_format):
    """Settings that change what a SQL text means change no table, no row and no moment."""
    check_a_job(spark, fresh_tables(table_format, tmp_path), TOGETHER)


@pytest.mark.soak
@pytest.mark.parametrize("kind", SETTINGS)
@pytest.mark.parametrize("table_format", ["iceberg", "delta"])
def test_a_job_means_the_same_under_each_setting(spark, tmp_path, table_format, kind):
    """The same, one setting at a time."""
    check_a_job(spark, fresh_tables(table_format, tmp_path), SETTINGS[kind])


def odd_tables(schema: str) -> pv.Tables:
    """Return tables whose names need quoting."""
    names = {"image_urls": "1st-urls", "image_codes": "select", "image_desc": "`dé.sc ``漢`"}
    return pv.Tables(schema=f"`my-{schema}.{uuid.uuid4().hex[:8]}`", **names)


@pytest.mark.parametrize("conf", [{}, TOGETHER], ids=["usual", "together"])
def test_tables_may_have_any_name(spark, conf):
    """Hyphens, digits in front, reserved words, other scripts, and in backticks dots and backticks are fine everywhere."""
    tables = odd_tables("schéma")
    with ImageServer() as images, session_conf(spark, conf):
        assert pv.run_pipeline(spark, job(tables, images, images=3, start=84)).describe.ok == 2
        source = tables.readable("image_urls")
        assert source == f"platform_catalog.`{tables.schema}`.`1st-urls`"
        settings = {"tables": tables, "download": pv.DownloadOptions(allow_private_addresses=True)}
        assert pv.run_pipeline(spark, pv.PipelineConfig(urls_from=source, **settings)).describe.skipped == 3
        with pytest.raises(pv.SettingError, match="empties that table"):
            pv.run_pipeline(spark, pv.PipelineConfig(urls_from=source, mode="overwrite", **settings))
        assert pv.run_pipeline(spark, job(tables, images, images=2, start=84, mode="overwrite")).describe.ok == 2
        state = JobState.read(ReadTables(spark, tables), ReadTables(spark, tables).read("image_urls"))
        assert state.describe.by_status == {"ok": 2}
    check_one_row_each(spark, tables, 2)


@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        ("my-table", "{catalog}.{schema}.my-table"),
        ("my-table", "`{catalog}`.`{schema}`.`my-table`"),
        ("1.2", "{catalog}.{schema}.`1.2`"),
        ("order", "{catalog}.`{schema}`.order"),
        ("città", "{catalog}.{schema}.città"),
        ("urls.csv", "{catalog}.{schema}.`urls.csv`"),
    ],
)
def test_a_source_may_be_spelled_with_and_without_backticks(spark, name, spelled):
    """A table of addresses is found by its name as people write it, by a job and by a stream."""
    schema = "source-of-urls"
    spark.sql(f"CREATE SCHEMA IF NOT EXISTS platform_catalog.`{schema}`")
    table = identifier("platform_catalog", schema, name)
    spark.createDataFrame([("https://host/1",), ("https://host/2",)], "image_url STRING").writeTo(table).createOrReplace()
    source = spelled.format(catalog="platform_catalog", schema=schema)
    assert urls_from(spark, source, "image_url").urls.count() == 2
    stream = _table_stream(spark, pv.PipelineConfig(urls_from=source), {})
    assert stream.isStreaming
    assert stream.columns == ["image_url"]
    spark.sql(f"DROP TABLE {table}")


@pytest.mark.parametrize(
    "setting",
    [{"schema": "a.b"}, {"schema": "`..`"}, {"catalog": "`a/b`"}, {"image_desc": "x${env:HOME}"}, {"path": "/x/${env:HOME}"}],
)
def test_a_name_that_spark_would_read_as_another_is_refused(setting):
    """Dots without backticks, folders and what Spark replaces are told at once, with the setting's name."""
    with pytest.raises(pv.SettingError, match=rf"^{next(iter(setting))}: .* is not allowed"):
        pv.Tables(**setting)


OLDER = "STRUCT<status: STRING, http_status: INT, attempts: INT, elapsed_ms: BIGINT, bytes: BIGINT, content_type: STRING, width: INT, height: INT, sha256: STRING, final_url: STRING, message: STRING, finished_at: {moment}>"  # noqa: E501


@pytest.mark.parametrize("table_format", ["iceberg", "delta"])
@pytest.mark.parametrize(
    ("role", "columns", "said"),
    [
        (
            "image_codes",
            f"image_url STRING, image_binary BINARY, download_outcome {OLDER.format(moment='TIMESTAMP_NTZ')}",
            "column download_outcome.finished_at is timestamp_ntz, and must be timestamp",
        ),
        (
            "image_codes",
            f"image_url STRING, download_outcome {OLDER.format(moment='TIMESTAMP_LTZ, note: STRING')}",
            "column download_outcome has a field note, and must have none of that name",
        ),
        ("image_runs", "run_id STRING, started_at TIMESTAMP_NTZ", "column started_at is timestamp_ntz, and must be timestamp"),
        ("image_quality", "run_id STRING, value STRING", "column value is string, and must be double"),
    ],
)
def test_a_table_that_does_not_fit_stops_a_run_before_any_work(spark, tmp_path, table_format, role, columns, said):
    """Every table of a run is looked at before anything is fetched, and the field that differs is named."""
    tables = fresh_tables(table_format, tmp_path)
    make_table(spark, TableStore(spark, tables), role, columns)
    with ImageServer() as images:
        with pytest.raises(pv.TableProblem, match=re.escape(said)):
            pv.run_pipeline(spark, job(tables, images, images=2, start=1))
        assert images.stats()["requests"] == 0
    if said.startswith("column download_outcome"):
        with pytest.raises(pv.TableProblem, match=re.escape(said)):
            ReadTables(spark, tables).read(role)


@pytest.mark.parametrize("table_format", ["iceberg", "delta"])
def test_tables_with_names_in_another_case_are_the_sessions_matter(spark, tmp_path, table_format):
    """IMAGE_URL is the key where the session does not tell case apart; where it does, it is named as one of another name."""
    tables = fresh_tables(table_format, tmp_path)
    store = TableStore(spark, tables)
    make_table(spark, store, "image_urls", "IMAGE_URL STRING")
    make_table(spark, store, "image_codes", "IMAGE_URL STRING, Image_Binary BINARY")
    with ImageServer() as images:
        config = job(tables, images, images=3, start=84)
        with session_conf(spark, {"spark.sql.caseSensitive": "true"}):
            with pytest.raises(pv.TableProblem, match="no column image_url, which is the key; there are: IMAGE_URL"):
                pv.run_pipeline(spark, config)
            with pytest.raises(pv.ColumnError, match=r'no column \'image_url\'; .*did you mean "IMAGE_URL"'):
                pv.download(spark.createDataFrame([("u",)], "IMAGE_URL STRING"))
        assert images.stats()["requests"] == 0
        assert pv.run_pipeline(spark, config).describe.ok == 2
    check_one_row_each(spark, tables, 3)
