"""The same job in every kind of catalog that can be had here, on a classic session and on Spark Connect."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from whole_jobs import check_one_row_each, job, make_table, rows_of

import picsum_vision as pv
from picsum_vision.spark.publishing import ONE_ANSWER
from picsum_vision.spark.staging import Staging
from picsum_vision.spark.tables import TableStore
from picsum_vision.testing.image_server import ImageServer
from picsum_vision.testing.model_server import ModelServer

pytestmark = pytest.mark.spark

CATALOGS = ["iceberg_hadoop", "iceberg_jdbc", "delta_by_path", "delta_session_catalog"]


@pytest.fixture(params=CATALOGS)
def tables(request, spark, tmp_path) -> pv.Tables:
    """Give names in a schema that is not there yet, in each kind of catalog; all but the first are set in the running session."""
    schema = f"s_{uuid.uuid4().hex[:8]}"
    if request.param == "delta_by_path":
        return pv.Tables(path=str(tmp_path / "with space"))
    if request.param == "delta_session_catalog":
        # Its folder is the test's own; elsewhere it would be wherever the tests were started.
        spark.sql(f"CREATE SCHEMA spark_catalog.{schema} LOCATION '{tmp_path / schema}'")
        return pv.Tables(catalog="spark_catalog", schema=schema)
    if request.param == "iceberg_jdbc":
        catalog = f"in_database_{schema}"
        prefix = f"spark.sql.catalog.{catalog}"
        for key, value in {
            prefix: "org.apache.iceberg.spark.SparkCatalog",
            f"{prefix}.type": "jdbc",
            f"{prefix}.uri": f"jdbc:sqlite:{tmp_path}/catalog.db?busy_timeout=30000",
            f"{prefix}.warehouse": f"{tmp_path}/warehouse",
            f"{prefix}.jdbc.schema-version": "V1",
        }.items():
            spark.conf.set(key, value)
        return pv.Tables(catalog=catalog, schema=schema)
    return pv.Tables(schema=schema)


def test_a_job_its_second_run_and_another_question(spark, tables, tmp_path):
    """Every row has one outcome; run again nothing is asked; another prompt replaces the answers; nothing is left over."""
    with ImageServer() as images, ModelServer() as model:
        asked = {"backend": pv.ChatCompletions(model.base_url, "test-vision")}
        first = pv.run_pipeline(spark, job(tables, images, **asked))
        assert (images.stats()["requests"], model.stats()["requests"]) == (2 * 22 + 2, 22)
        again = pv.run_pipeline(spark, job(tables, images, **asked))
        assert (images.stats()["requests"], model.stats()["requests"]) == (2 * 22 + 2, 22)
        other = pv.run_pipeline(spark, job(tables, images, images=30, task=pv.Describe(language="en"), **asked))
        assert model.stats()["requests"] == 22 + 27
    assert first.download.by_status == again.download.by_status == {"ok": 22, "http_error": 2}
    assert first.describe.by_status == again.describe.by_status == {"ok": 22, "no_image": 2}
    assert (again.download.skipped, again.describe.skipped) == (24, 24)
    assert other.describe.by_status == {"ok": 27, "no_image": 3}
    assert (other.download.skipped, other.describe.skipped) == (24, 0)
    check_one_row_each(spark, tables, 30)
    for row in rows_of(spark, tables, "image_codes"):
        assert (row.image_binary is None) == (row.download_outcome.status != "ok")
    store = TableStore(spark, tables)
    assert store.named_like("image_codes_staged_") == []
    for name in Staging(store, ONE_ANSWER, "0" * 32).names if tables.path else ():
        assert not store.exists(name) or store.read(name).count() == 0
    assert not list(tmp_path.glob("**/image_codes_staged_*/**/*.parquet"))


def test_tables_are_made_with_comments_and_notebook_tables_are_completed(spark, tables):
    """A table with the notebook's two columns gets ours, and its rows stay; columns of new tables say what they are."""
    store = TableStore(spark, tables)
    make_table(spark, store, "image_desc", "image_url STRING, descrizione STRING")
    with ImageServer() as images:
        url = pv.generate_urls(spark, 1, start=80, width=64, height=48, base_url=images.base_url)
        url.selectExpr("image_url", "'un mare' AS descrizione").writeTo(store.name("image_desc")).append()
        report = pv.run_pipeline(spark, job(tables, images, images=3, start=80))
    assert (report.download.ok, report.describe.ok, report.describe.skipped) == (3, 3, 1)
    assert store.read("image_desc").columns == ["image_url", "descrizione", "describe_outcome"]
    assert sum(row.descrizione == "un mare" for row in rows_of(spark, tables, "image_desc")) == 1
    check_one_row_each(spark, tables, 3)
    told = {row[0]: row[2] for row in spark.sql(f"DESCRIBE TABLE {store.name('image_codes')}").collect()}
    assert told["image_binary"].startswith("The image as it was fetched")
    assert told["download_outcome"].startswith("What became of the download")


@pytest.mark.slow
@pytest.mark.usefixtures("connect_port")
@pytest.mark.skipif("PICSUM_VISION_TEST_REMOTE" in os.environ, reason="is itself what the test below starts")
@pytest.mark.parametrize(
    "catalogs",
    ["iceberg_hadoop", pytest.param("iceberg or delta", id="all", marks=[pytest.mark.soak, pytest.mark.timeout(1800)])],
)
def test_all_this_on_spark_connect(tmp_path, catalogs):
    """The tests above hold on a session of Spark Connect, in a process of its own."""
    here = Path(__file__)
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-x",
            "-p",
            "no:cacheprovider",
            str(here),
            "-k",
            catalogs,
            "--basetemp",
            str(tmp_path / "connect"),
        ],
        cwd=here.parent.parent.parent,
        env={name: value for name, value in os.environ.items() if name != "PYSPARK_PYTHON"}
        | {"PICSUM_VISION_TEST_REMOTE": "local[2]"},
        capture_output=True,
        text=True,
        timeout=1700 if catalogs != "iceberg_hadoop" else 290,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-5000:]
    of_these = 1 if catalogs == "iceberg_hadoop" else len(CATALOGS)
    assert f"{2 * of_these} passed" in ended.stdout
