"""What was asked decides what is missing."""

from __future__ import annotations

import pytest
from pyspark.sql import functions as F
from whole_jobs import check_one_row_each, fresh_tables, job, rows_of

import picsum_vision as pv
from picsum_vision.cli.export import images_with_answers
from picsum_vision.pipeline.chunks import Chunks
from picsum_vision.pipeline.work import Work
from picsum_vision.report.gallery_frame import rows_of_tables
from picsum_vision.spark.tables import TableStore
from picsum_vision.testing.image_server import ImageServer
from picsum_vision.testing.model_server import ModelServer

pytestmark = pytest.mark.spark

OTHER = pv.Describe(prompt="Quanti colori ci sono?")


@pytest.fixture
def tables(tmp_path) -> pv.Tables:
    """Give fresh tables; that other catalogs do the same is in test_catalogs.py."""
    return fresh_tables("iceberg", tmp_path)


def test_another_prompt_takes_the_place_of_the_first(spark, tables):
    """By default a new prompt is asked about every image once, from the bytes that are there; its answers alone are kept."""
    with ImageServer() as images, ModelServer() as model:
        backend = pv.ChatCompletions(model.base_url, "test-vision")
        pv.run_pipeline(spark, job(tables, images, backend=backend))
        fetched = images.stats()["requests"]
        report = pv.run_pipeline(spark, job(tables, images, backend=backend, task=OTHER))
        assert model.stats()["requests"] == 2 * 22
        assert images.stats()["requests"] == fetched
        again = pv.run_pipeline(spark, job(tables, images, backend=backend, task=OTHER))
        assert model.stats()["requests"] == 2 * 22
    assert report.describe.by_status == again.describe.by_status == {"ok": 22, "no_image": 2}
    assert (report.download.skipped, report.describe.skipped, again.describe.skipped) == (24, 0, 24)
    assert {row.describe_outcome.prompt_sha256 for row in rows_of(spark, tables, "image_desc")} == {OTHER.prompt_sha256}
    check_one_row_each(spark, tables, 24)


def test_both_questions_can_be_kept(spark, tables):
    """With keep_both each image has a row for each question, and going back to the first one asks for nothing."""
    with ImageServer() as images, ModelServer() as model:
        asked = {"backend": pv.ChatCompletions(model.base_url, "test-vision"), "on_new_question": "keep_both"}
        pv.run_pipeline(spark, job(tables, images, **asked))
        second = pv.run_pipeline(spark, job(tables, images, task=OTHER, **asked))
        first = pv.run_pipeline(spark, job(tables, images, **asked))
        assert model.stats()["requests"] == 2 * 22
    keys = [(row.image_url, row.describe_outcome.prompt_sha256) for row in rows_of(spark, tables, "image_desc")]
    assert len(keys) == len(set(keys)) == 2 * 24
    assert (second.rows, second.describe.rows, first.describe.rows, first.describe.skipped) == (24, 24, 24, 24)
    store = TableStore(spark, tables)
    shown = [row for row in rows_of_tables(store, store.read("image_urls"), max_rows=100).rows if row.text]
    assert [(row.describe or {})["prompt_sha256"] for row in shown] == [OTHER.prompt_sha256] * 22, "the report has the newest"
    exported = (
        images_with_answers(spark, tables).where("descrizione IS NOT NULL").select("describe_outcome.prompt_sha256").collect()
    )
    assert [row.prompt_sha256 for row in exported] == [OTHER.prompt_sha256] * 22, "and so has an export"


def test_one_answer_cannot_take_the_place_of_several(spark, tmp_path):
    """Back from keep_both to replace, a new question is refused in one line that says what helps, before it is asked."""
    tables = fresh_tables("iceberg", tmp_path)
    with ImageServer() as images:
        for task in (pv.Describe(), pv.Describe(language="en")):
            pv.run_pipeline(spark, job(tables, images, images=4, task=task, on_new_question="keep_both"))
        with ModelServer() as model:
            asked = {"task": OTHER, "backend": pv.ChatCompletions(model.base_url, "test-vision")}
            with pytest.raises(pv.TableProblem, match="keep_both") as caught:
                pv.run_pipeline(spark, job(tables, images, images=4, **asked))
            assert model.stats()["requests"] == 0
            # Addresses of which there is nothing are not held up by the others.
            others = pv.run_pipeline(spark, job(tables, images, images=2, start=200, **asked))
    assert others.describe.ok == 2
    assert "\n" not in str(caught.value)


def test_images_that_were_not_kept_are_fetched_again_for_a_new_question(spark, tables):
    """With keep_images=False another task fetches each image once more, asks once, and leaves one row each."""
    with ImageServer() as images, ModelServer() as model:
        asked = {"backend": pv.ChatCompletions(model.base_url, "test-vision"), "keep_images": False}
        pv.run_pipeline(spark, job(tables, images, **asked))
        before = images.stats()["requests"]
        report = pv.run_pipeline(spark, job(tables, images, task=OTHER, **asked))
        assert images.stats()["requests"] - before == 2 * 22
        assert model.stats()["requests"] == 2 * 22
    assert report.describe.by_status == {"ok": 22, "no_image": 2}
    check_one_row_each(spark, tables, 24)


def test_the_notebooks_answers_count_unless_asked_otherwise(spark, tables):
    """Rows without an outcome are answers to whatever is asked; with describe_unknown they are asked for anew and replaced."""
    store = TableStore(spark, tables)
    store.make_missing()
    with ImageServer() as images, ModelServer() as model:
        urls = pv.generate_urls(spark, 5, start=1, width=64, height=48, base_url=images.base_url)
        store.append("image_codes", pv.download(urls, options=job(tables, images).download))
        notebooks = store.read("image_codes").selectExpr("image_url", "'un mare' AS descrizione", "NULL AS describe_outcome")
        store.append("image_desc", notebooks)
        asked = {"images": 5, "start": 1, "backend": pv.ChatCompletions(model.base_url, "test-vision")}
        assert pv.run_pipeline(spark, job(tables, images, **asked)).describe.skipped == 5
        assert model.stats()["requests"] == 0
        assert pv.run_pipeline(spark, job(tables, images, describe_unknown=True, **asked)).describe.ok == 5
        assert pv.run_pipeline(spark, job(tables, images, describe_unknown=True, **asked)).describe.skipped == 5
        assert model.stats()["requests"] == 5
    assert "un mare" not in {row.descrizione for row in rows_of(spark, tables, "image_desc")}
    check_one_row_each(spark, tables, 5)


def test_an_address_that_the_notebook_has_twice_is_fetched_once(spark, tmp_path):
    """Its two answers stay as they are, and its image comes once."""
    tables = fresh_tables("iceberg", tmp_path)
    store = TableStore(spark, tables)
    store.make_missing()
    with ImageServer() as images:
        urls = pv.generate_urls(spark, 3, start=1, width=32, height=32, base_url=images.base_url)
        answers = urls.union(urls.limit(1)).selectExpr("image_url", "'un mare' AS descrizione")
        answers.createOrReplaceTempView("notebooks_answers")
        spark.sql(f"INSERT INTO {store.name('image_desc')} (image_url, descrizione) SELECT * FROM notebooks_answers")  # noqa: S608 - escaped
        report = pv.run_pipeline(spark, job(tables, images, images=3, start=1, width=32, height=32))
        assert images.stats()["requests"] == 2 * 3
    assert (report.rows, report.download.ok) == (3, 3)
    addresses = [row.image_url for row in rows_of(spark, tables, "image_codes")]
    assert len(addresses) == len(set(addresses)) == 3
    assert len(rows_of(spark, tables, "image_desc")) == 4


@pytest.mark.parametrize("keep_images", [True, False])
def test_images_that_were_taken_away_are_fetched_without_asking(spark, tmp_path, keep_images):
    """Without their rows in image_codes images are fetched again, but nothing is asked about those that have an answer."""
    tables = fresh_tables("iceberg", tmp_path)
    with ImageServer() as images, ModelServer() as model:
        asked = {"backend": pv.ChatCompletions(model.base_url, "test-vision"), "keep_images": keep_images}
        pv.run_pipeline(spark, job(tables, images, **asked))
        spark.sql(f"TRUNCATE TABLE {TableStore(spark, tables).name('image_codes')}")
        report = pv.run_pipeline(spark, job(tables, images, **asked))
        assert model.stats()["requests"] == 22
    # The two that cannot be had have no answer but that there is no image.
    assert (report.download.skipped, report.describe.skipped) == (0, 22)
    check_one_row_each(spark, tables, 24)
    kept = [row.image_binary is not None for row in rows_of(spark, tables, "image_codes")]
    assert sum(kept) == (22 if keep_images else 0)


def test_images_that_were_not_kept_are_passed_over_in_large_steps(spark, tables, image_server, monkeypatch):
    """However many were not kept, few passes find nothing to describe; what stands behind them is found."""
    rows, behind = 900, 30
    store = TableStore(spark, tables)
    store.make_missing()
    urls = pv.generate_urls(spark, rows, base_url=image_server.base_url)
    number = F.regexp_extract("image_url", r"/id/(\d+)/", 1).cast("long")
    outcome = F.from_json(F.lit("{}"), store.read("image_codes").schema["download_outcome"].dataType)
    status = F.when(number > rows - behind, "http_error").otherwise("ok")
    outcome = outcome.withField("status", status).withField("finished_at", F.timestamp_micros(number))
    store.append(
        "image_codes",
        urls.select("image_url", F.lit(None).cast("binary").alias("image_binary"), outcome.alias("download_outcome")),
    )
    describe, chunks = Chunks.describe, []
    monkeypatch.setattr(Chunks, "describe", lambda *given, **clock: chunks.append(given) or describe(*given, **clock))
    monkeypatch.setattr(Work, "_describe", Work._describe_kept)
    config = job(tables, image_server, images=rows, start=1, width=800, height=600, checkpoint_interval_s=0.5, keep_images=False)
    pv.run_pipeline(spark, config)
    assert [row.describe_outcome.status for row in rows_of(spark, tables, "image_desc")] == ["no_image"] * behind
    assert len(chunks) <= 4


@pytest.mark.parametrize("unknown", [False, True])
def test_answers_without_their_images_are_replaced_too(spark, tables, unknown):
    """Where the images were taken away, or the notebook's never were there, a new answer still takes the old one's place."""
    store = TableStore(spark, tables)
    store.make_missing()
    with ImageServer() as images, ModelServer() as model:
        asked = {"images": 4, "start": 1, "backend": pv.ChatCompletions(model.base_url, "test-vision")}
        if unknown:
            urls = pv.generate_urls(spark, 4, start=1, width=64, height=48, base_url=images.base_url)
            rows = urls.selectExpr("image_url", "'un mare' AS descrizione", "NULL AS describe_outcome")
            rows.writeTo(store.name("image_desc")).append()
        else:
            pv.run_pipeline(spark, job(tables, images, **asked))
            store.delete_all("image_codes")
        report = pv.run_pipeline(spark, job(tables, images, task=OTHER, describe_unknown=unknown, **asked))
    assert (report.download.ok, report.describe.ok) == (4, 4)
    assert {row.describe_outcome.prompt_sha256 for row in rows_of(spark, tables, "image_desc")} == {OTHER.prompt_sha256}
    check_one_row_each(spark, tables, 4)
