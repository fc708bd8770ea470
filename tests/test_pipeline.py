"""The whole job on real tables, for both formats."""

from __future__ import annotations

import dataclasses
import uuid

import pytest
from pyspark.sql import functions as F

import picsum_vision as pv
from picsum_vision.spark.tables import TableStore
from picsum_vision.testing.image_server import Fault, ImageServer
from picsum_vision.testing.model_server import ModelServer

LOCAL = pv.DownloadOptions(allow_private_addresses=True)


@pytest.fixture(params=["iceberg", pytest.param("delta", marks=pytest.mark.soak)])
def tables(request, tmp_path) -> pv.Tables:
    """Fresh tables of each format."""
    if request.param == "delta":
        return pv.Tables(path=str(tmp_path / "with space"))
    return pv.Tables(schema=f"s_{uuid.uuid4().hex[:8]}")


@pytest.fixture
def iceberg_tables() -> pv.Tables:
    """Fresh tables, where the format makes no difference."""
    return pv.Tables(schema=f"s_{uuid.uuid4().hex[:8]}")


def job(tables: pv.Tables, server: ImageServer, **settings) -> pv.PipelineConfig:
    defaults = {"images": 24, "start": 80, "width": 64, "height": 48, "partitions": 2, "download": LOCAL}
    return pv.PipelineConfig(tables=tables, base_url=server.base_url, **(defaults | settings))


def rows_of(spark, tables: pv.Tables, role: str):
    return TableStore(spark, tables).read(role).collect()


def image_requests(server: ImageServer) -> int:
    return server.stats()["requests"]


def test_every_row_has_an_outcome_in_each_table(spark, tables):
    """A run leaves one row an address in each table, with the picture or the reason, and the report counts them."""
    with ImageServer() as server:
        report = pv.run_pipeline(spark, job(tables, server))
    assert report.rows == 24
    assert report.download.by_status == {"ok": 22, "http_error": 2}
    assert report.describe.by_status == {"ok": 22, "no_image": 2}
    for role in ("image_urls", "image_codes", "image_desc"):
        addresses = [row.image_url for row in rows_of(spark, tables, role)]
        assert len(addresses) == len(set(addresses)) == 24
    codes = {row.image_url.split("/")[-3]: row for row in rows_of(spark, tables, "image_codes")}
    assert codes["86"].image_binary is None
    assert codes["86"].download_outcome.http_status == 404
    assert codes["80"].image_binary[:2] == b"\xff\xd8"
    assert codes["80"].download_outcome.width == 64
    assert all("64 × 48" in row.descrizione for row in rows_of(spark, tables, "image_desc") if row.descrizione)


def test_a_second_run_asks_for_nothing_that_is_there(spark, tables):
    """The same job again sends no request, and a larger one only those for the rows that are new."""
    with ImageServer() as server:
        pv.run_pipeline(spark, job(tables, server))
        first = image_requests(server)
        again = pv.run_pipeline(spark, job(tables, server))
        assert image_requests(server) == first
        assert (again.download.skipped, again.describe.skipped, again.download.bytes) == (24, 24, 0)
        larger = pv.run_pipeline(spark, job(tables, server, images=30))
        assert image_requests(server) == first + 2 * 5 + 1  # one of the new ones does not exist
    assert (larger.rows, larger.download.skipped) == (30, 24)
    assert len(rows_of(spark, tables, "image_desc")) == 30


def test_without_images_the_bytes_are_nowhere(spark, tables):
    """With keep_images=False the outcomes and descriptions are there, the bytes are not, and nothing is asked twice."""
    with ImageServer() as server:
        report = pv.run_pipeline(spark, job(tables, server, keep_images=False))
        assert image_requests(server) == 2 * 22 + 2
        pv.run_pipeline(spark, job(tables, server, keep_images=False))
        assert image_requests(server) == 2 * 22 + 2
    assert report.describe.ok == 22
    codes = rows_of(spark, tables, "image_codes")
    assert len(codes) == 24
    assert all(row.image_binary is None for row in codes)
    assert sum(row.download_outcome.bytes or 0 for row in codes) > 22 * 100


def test_failures_that_can_change_are_tried_again_on_demand(spark, tables):
    """--retry-failed mends what a host refused for the moment, leaves a missing picture alone, and keeps one row an address."""
    refusal = Fault(kind="status", status=500, path="/id/8", times=1)
    impatient = dataclasses.replace(LOCAL, max_attempts=1)
    with ImageServer(faults=[refusal]) as server:
        first = pv.run_pipeline(spark, job(tables, server, download=impatient))
        before = image_requests(server)
        mended = pv.run_pipeline(spark, job(tables, server, download=impatient, retry_failed=True))
        asked = image_requests(server) - before
    assert first.download.by_status == {"ok": 13, "http_error": 11}
    assert mended.download.by_status == {"ok": 22, "http_error": 2}
    assert mended.describe.ok == mended.download.ok
    assert asked <= 2 * 10
    for role in ("image_codes", "image_desc"):
        addresses = [row.image_url for row in rows_of(spark, tables, role)]
        assert len(addresses) == len(set(addresses)) == 24


def test_a_table_that_the_notebook_made_is_completed(spark, tables):
    """Tables with the notebook's own columns get ours behind theirs; its rows stay, and only what is missing is done."""
    store = TableStore(spark, tables)
    if tables.path is None:
        spark.sql(f"CREATE SCHEMA IF NOT EXISTS {tables.catalog}.{tables.schema}")
    using = "" if tables.path is None else "USING delta"
    spark.sql(f"CREATE TABLE {store.name('image_codes')} (image_url STRING, image_binary BINARY) {using}")
    with ImageServer() as server:
        there = pv.download(pv.generate_urls(spark, 5, start=80, width=64, height=48, base_url=server.base_url), options=LOCAL)
        there.select("image_url", "image_binary").writeTo(store.name("image_codes")).append()
        before = image_requests(server)
        report = pv.run_pipeline(spark, job(tables, server, images=8, start=78))
        assert image_requests(server) - before == 2 * 3
    assert (report.rows, report.describe.ok) == (8, 8)
    assert store.read("image_codes").columns == ["image_url", "image_binary", "download_outcome"]
    assert len(rows_of(spark, tables, "image_codes")) == 8


def test_other_peoples_urls_come_from_a_file_with_all_that_is_wrong_in_it(spark, iceberg_tables, tmp_path):
    """NULL, empty and broken addresses are rows with an outcome, also in a second run, which does nothing again."""
    with ImageServer() as server:
        good = f"{server.base_url}/id/1/32/32"
        odd = [(good,), (good,), ("",), (None,), ("not a url",), ("ftp://host/x.jpg",), ("http://169.254.169.254/latest",)]
        spark.createDataFrame(odd, "photo STRING").write.parquet(str(tmp_path / "mine.parquet"))
        settings = {"urls_from": str(tmp_path / "mine.parquet"), "url_col": "photo", "download": LOCAL}
        first = pv.run_pipeline(spark, pv.PipelineConfig(tables=iceberg_tables, **settings))
        second = pv.run_pipeline(spark, pv.PipelineConfig(tables=iceberg_tables, **settings))
    assert first.rows == second.rows == 6
    assert first.download.by_status["ok"] == 1
    assert first.download.by_status["invalid_url"] == 4
    assert second.download.skipped == 6
    assert len(rows_of(spark, iceberg_tables, "image_desc")) == 6


def test_typed_answers_stand_in_the_table_as_json(spark, iceberg_tables):
    """A task whose answer is a list leaves it in `descrizione` as JSON, and each image is asked about once."""
    with ImageServer() as server, ModelServer() as model:
        backend = pv.ChatCompletions(model.base_url, "test-vision")
        settings = {"images": 6, "start": 1, "backend": backend, "task": pv.ListObjects(language="en")}
        report = pv.run_pipeline(spark, job(iceberg_tables, server, **settings))
        assert model.stats()["requests"] == 6
        pv.run_pipeline(spark, job(iceberg_tables, server, **settings))
        assert model.stats()["requests"] == 6
    assert report.describe.ok == 6
    assert report.describe.input_tokens > 0
    assert all(row.descrizione.startswith("[") for row in rows_of(spark, iceberg_tables, "image_desc"))


def test_the_asked_share_decides_success(spark, iceberg_tables):
    """min_ok_share is about the rows that were asked for."""
    with ImageServer() as server:
        assert not pv.run_pipeline(spark, job(iceberg_tables, server, images=10, start=80, min_ok_share=0.95)).succeeded
        assert pv.run_pipeline(spark, job(iceberg_tables, server, images=10, start=80, min_ok_share=0.9)).succeeded


def test_a_catalog_that_is_not_there_is_one_line_with_the_remedy(spark, image_server):
    """A missing catalog is named with its remedy, before anything is fetched."""
    with pytest.raises(pv.TableProblem) as caught:
        pv.run_pipeline(spark, job(pv.Tables(catalog="nowhere"), image_server))
    assert "catalog: 'nowhere'" in str(caught.value)
    assert "CREATE CATALOG `nowhere`" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_missing_is_found_without_reading_images(spark, tables):
    """The search for what is missing reads the key of image_codes and nothing else of it."""
    store = TableStore(spark, tables)
    store.make_missing()
    asked = spark.range(10).select(F.concat(F.lit("u"), F.col("id").cast("string")).alias("image_url"))
    plan = store.missing_from("image_codes", asked)._jdf.queryExecution().executedPlan().toString()
    assert "image_url" in plan
    assert "image_binary" not in plan
