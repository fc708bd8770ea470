"""What a run does again because it was told to: failures, permanent ones, everything."""

from __future__ import annotations

import pytest
from pyspark.sql import functions as F
from whole_jobs import check_one_row_each, fresh_tables, job, rows_of

import picsum_vision as pv
from picsum_vision.spark.publishing import ONE_ANSWER
from picsum_vision.spark.staging import Staging
from picsum_vision.spark.tables import TableStore
from picsum_vision.testing.image_server import Fault, ImageServer
from picsum_vision.testing.model_server import ModelServer

pytestmark = pytest.mark.spark


def test_permanent_failures_are_tried_again_on_demand_only(spark, tmp_path):
    """A 404 is left alone by retry_failed, and tried once by a run with retry_permanent; what is ok is left alone by both."""
    tables = fresh_tables("iceberg", tmp_path)
    with ImageServer() as images, ModelServer() as model:
        asked = {"backend": pv.ChatCompletions(model.base_url, "test-vision")}
        pv.run_pipeline(spark, job(tables, images, **asked))
        before = images.stats()["requests"]
        assert pv.run_pipeline(spark, job(tables, images, retry_failed=True, **asked)).download.skipped == 24
        assert images.stats()["requests"] == before
        again = pv.run_pipeline(spark, job(tables, images, retry_permanent=True, **asked))
        assert images.stats()["requests"] == before + 2
        assert model.stats()["requests"] == 22
    assert again.download.by_status == {"ok": 22, "http_error": 2}
    assert (again.download.skipped, again.describe.skipped) == (22, 22)
    check_one_row_each(spark, tables, 24)


def test_an_answer_that_failed_is_asked_for_again_from_the_bytes(spark, tmp_path):
    """With retry_failed a question that failed for a reason that can change is asked again, and no image is fetched for it."""
    tables = fresh_tables("iceberg", tmp_path)
    with ImageServer() as images, ModelServer() as model:
        nobody = pv.ChatCompletions("http://127.0.0.1:9/v1", "test-vision")
        impatient = pv.DescribeOptions(max_attempts=1)
        first = pv.run_pipeline(spark, job(tables, images, images=4, start=1, backend=nobody, describe=impatient))
        fetched = images.stats()["requests"]
        backend = pv.ChatCompletions(model.base_url, "test-vision")
        left = pv.run_pipeline(spark, job(tables, images, images=4, start=1, backend=backend))
        assert model.stats()["requests"] == 0
        mended = pv.run_pipeline(spark, job(tables, images, images=4, start=1, backend=backend, retry_failed=True))
        assert (model.stats()["requests"], images.stats()["requests"]) == (4, fetched)
    assert first.describe.by_status == left.describe.by_status == {"connect": 4}
    assert (first.could_be_tried_again, left.could_be_tried_again, mended.could_be_tried_again) == (0, 4, 0)
    assert mended.describe.by_status == {"ok": 4}
    check_one_row_each(spark, tables, 4)


@pytest.mark.parametrize("is_back", [False, True])
def test_a_download_is_tried_again_without_touching_its_answer(spark, tmp_path, is_back):
    """Of an image that failed although its answer is there, retry_failed tries the download alone, and the answer stays."""
    tables = fresh_tables("iceberg", tmp_path)
    store = TableStore(spark, tables)
    store.make_missing()
    refusal = Fault(kind="status", status=500, path="/id/", times=1 if is_back else None)
    with ImageServer(faults=[refusal]) as images, ModelServer() as model:
        urls = pv.generate_urls(spark, 4, start=1, width=64, height=48, base_url=images.base_url)
        store.append("image_desc", urls.selectExpr("image_url", "'un mare' AS descrizione", "NULL AS describe_outcome"))
        asked = {"images": 4, "start": 1, "backend": pv.ChatCompletions(model.base_url, "test-vision")}
        asked["download"] = pv.DownloadOptions(allow_private_addresses=True, max_attempts=1)
        failed = pv.run_pipeline(spark, job(tables, images, **asked))
        again = pv.run_pipeline(spark, job(tables, images, retry_failed=True, **asked))
        assert model.stats()["requests"] == 0
    assert failed.download.by_status == {"http_error": 4}
    assert again.download.by_status == ({"ok": 4} if is_back else {"http_error": 4})
    assert (again.download.skipped, again.describe.skipped, again.describe.by_status) == (0, 4, {"ok": 4})
    assert {row.descrizione for row in rows_of(spark, tables, "image_desc")} == {"un mare"}
    check_one_row_each(spark, tables, 4)


def test_no_image_does_not_take_the_place_of_an_answer_to_the_same_question(spark, tmp_path):
    """A later no_image is published over an ok answer only where that one is to another question."""
    store = TableStore(spark, fresh_tables("iceberg", tmp_path))
    store.make_missing()
    empty = spark.createDataFrame([("the same", b""), ("another", b"")], "image_url STRING, image_binary BINARY")
    later = pv.describe(empty, pv.PixelDescriber()).drop("image_binary")
    digest = F.when(F.col("image_url") == "another", "0").otherwise(F.col("describe_outcome.prompt_sha256"))
    before = F.col("describe_outcome").withField("status", F.lit("ok")).withField("prompt_sha256", digest)
    store.append("image_desc", later.withColumn("descrizione", F.lit("un mare")).withColumn("describe_outcome", before))
    staging = Staging(store, ONE_ANSWER, "a" * 32)
    staging.publish(staging.write(staging.names[0], later)[0], all_new=False)
    found = {row.image_url: row.descrizione for row in rows_of(spark, store.tables, "image_desc")}
    assert found == {"the same": "un mare", "another": None}


def test_overwrite_does_everything_again(spark, tmp_path):
    """mode="overwrite" leaves the rows of this run alone in the tables, as the notebook's own writes do."""
    tables = fresh_tables("iceberg", tmp_path)
    with ImageServer() as images:
        pv.run_pipeline(spark, job(tables, images))
        before = images.stats()["requests"]
        report = pv.run_pipeline(spark, job(tables, images, images=10, start=80, mode="overwrite"))
        assert images.stats()["requests"] - before == 2 * 9 + 1
    assert (report.rows, report.download.skipped) == (10, 0)
    check_one_row_each(spark, tables, 10)
    assert len(rows_of(spark, tables, "image_desc")) == 10


@pytest.mark.parametrize("table_format", ["iceberg", "delta"])
def test_overwrite_may_read_its_addresses_from_a_view_over_the_tables(spark, tmp_path, table_format):
    """What a view over the tables that are emptied had when the run began is what is done again, all of it and nothing else."""
    tables = fresh_tables(table_format, tmp_path)
    with ImageServer() as images:
        pv.run_pipeline(spark, job(tables, images))
        store = TableStore(spark, tables)
        store.read("image_desc").where("describe_outcome.status = 'ok'").createOrReplaceTempView("described_before")
        before = images.stats()["requests"]
        report = pv.run_pipeline(spark, job(tables, images, urls_from="described_before", mode="overwrite"))
        assert images.stats()["requests"] - before == 2 * 22
    assert (report.rows, report.download.ok, report.describe.ok, report.download.skipped) == (22, 22, 22, 0)
    assert report.quality is not None
    assert report.quality.rows == 22
    check_one_row_each(spark, tables, 22)


def test_overwrite_refuses_to_read_what_it_would_only_empty(spark, tmp_path, image_server):
    """One of the job's own tables as the source of an overwrite, or one without addresses, is a wrong setting; no row is lost."""
    tables = fresh_tables("iceberg", tmp_path)
    pv.run_pipeline(spark, job(tables, image_server, images=4, start=1))
    own = spark.newSession()
    own.sql(f"USE {tables.catalog}.{tables.schema}")
    own.sql("CREATE TEMPORARY VIEW nobody_asked AS SELECT 'nowhere' AS image_url WHERE false")
    whole_name = f"{tables.catalog}.{tables.schema}.image_codes"
    for source, said in (
        (whole_name, "empties that table"),
        ("image_desc", "empties that table"),
        ("nobody_asked", "no addresses"),
    ):
        with pytest.raises(pv.SettingError, match=said) as caught:
            pv.run_pipeline(own, job(tables, image_server, urls_from=source, mode="overwrite"))
        assert str(caught.value).startswith("urls_from: ")
        assert "\n" not in str(caught.value)
    check_one_row_each(spark, tables, 4)


def test_a_key_that_is_not_there_is_told_before_anything_is_fetched(spark, tmp_path):
    """Where the workers are on this machine, a variable that is not set is a wrong setting, and no host is asked."""
    with ImageServer() as images:
        backend = pv.ChatCompletions("https://host/v1", "m", api_key=pv.Secret.env("A_KEY_THAT_NOBODY_HAS_SET"))
        with pytest.raises(pv.SettingError, match="api_key: env:A_KEY_THAT_NOBODY_HAS_SET") as caught:
            pv.run_pipeline(spark, job(fresh_tables("iceberg", tmp_path), images, backend=backend))
        assert images.stats()["requests"] == 0
    assert "\n" not in str(caught.value)
