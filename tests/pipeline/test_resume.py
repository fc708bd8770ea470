"""A run that was ended anywhere: what is staged is published, and nothing is asked twice."""

from __future__ import annotations

import dataclasses
import threading

import pytest
from pyspark.sql import functions as F
from whole_jobs import LOCAL, check_one_row_each, fresh_tables, job, rows_of

import picsum_vision as pv
from picsum_vision.pipeline.question import Question
from picsum_vision.pipeline.run_log import RunLog
from picsum_vision.pipeline.standing import Standing, Todo, Wanted
from picsum_vision.pipeline.work import Work
from picsum_vision.spark.publishing import AN_ANSWER_EACH, IMAGES, ONE_ANSWER, publish
from picsum_vision.spark.staging import Staging
from picsum_vision.spark.tables import TableStore
from picsum_vision.testing.image_server import Fault, ImageServer
from picsum_vision.testing.model_server import ModelServer

pytestmark = pytest.mark.spark
ENDED = "e0" * 16  # a run that was ended


@pytest.fixture
def tables(tmp_path) -> pv.Tables:
    """Give fresh tables, where the format makes no difference."""
    return fresh_tables("iceberg", tmp_path)


@pytest.mark.parametrize(
    ("table_format", "ended_after"),
    [
        ("iceberg", "staging"),
        ("iceberg", "images"),
        ("iceberg", "answers"),
        ("delta", "images"),
        pytest.param("delta", "answers", marks=pytest.mark.soak),
    ],
)
def test_whatever_step_was_the_last_one_the_next_run_does_the_rest(spark, tmp_path, table_format, ended_after):
    """Ended after staging, between the two tables or before emptying, a pass is neither lost, nor doubled, nor asked again."""
    tables = fresh_tables(table_format, tmp_path)
    with ImageServer() as images, ModelServer() as model:
        backend = pv.ChatCompletions(model.base_url, "test-vision")
        store = TableStore(spark, tables)
        store.make_missing()
        staging = Staging(store, ONE_ANSWER, ENDED)
        urls = pv.generate_urls(spark, 10, start=80, width=64, height=48, base_url=images.base_url)
        rows = pv.download_and_describe(urls, backend, keep_images=True, download_options=LOCAL, partitions=2)
        staged, figures = staging.write(staging.names[1], rows)
        assert (figures.rows_with("download_status"), figures.rows_with("describe_status")) == (10, 10)
        for target in {"staging": (), "images": (IMAGES,), "answers": (IMAGES, ONE_ANSWER)}[ended_after]:
            publish(store, staged, target, all_new=True)
        report = pv.run_pipeline(spark, job(tables, images, backend=backend))
        assert images.stats()["requests"] == 2 * 22 + 2
        assert model.stats()["requests"] == 22
    assert (report.download.skipped, report.describe.skipped) == (10, 10)
    check_one_row_each(spark, tables, 24)
    for row in rows_of(spark, tables, "image_codes"):
        assert (row.image_binary is None) == (row.download_outcome.status != "ok")


def test_a_pass_that_came_late_is_published_beside_the_one_in_its_place(spark, tables):
    """Passes over the same addresses, of a run that was given up and of the one after it, come to one row each."""
    with ImageServer() as images:
        store = TableStore(spark, tables)
        store.make_missing()
        urls = pv.generate_urls(spark, 6, start=1, width=32, height=32, base_url=images.base_url)
        rows = pv.download_and_describe(urls, pv.PixelDescriber(), keep_images=True, download_options=LOCAL)
        given_up, next_one = (Staging(store, ONE_ANSWER, run_id) for run_id in (ENDED, "f1" * 16))
        next_one.write(next_one.names[0], rows)
        given_up.write(given_up.names[0], rows)
        assert Staging(store, ONE_ANSWER, "a2" * 16).publish_left() == 12
        assert Staging(store, ONE_ANSWER, "b3" * 16).publish_left() == 0
    assert len(rows_of(spark, tables, "image_codes")) == len(rows_of(spark, tables, "image_desc")) == 6


def _answers(spark, prompt_sha256: str):
    """Return an image and an answer about it, as a pass of a job with this question has them."""
    images = spark.createDataFrame([("u", b"")], "image_url STRING, image_binary BINARY")
    rows = pv.describe(images, pv.PixelDescriber()).withColumn("descrizione", F.lit(prompt_sha256))
    return rows.withColumn(
        "describe_outcome",
        F.col("describe_outcome").withField("status", F.lit("ok")).withField("prompt_sha256", F.lit(prompt_sha256)),
    )


@pytest.mark.parametrize("next_run", ["publish_left", "discard_left"])
@pytest.mark.parametrize("table_format", ["iceberg", "delta"])
def test_answers_of_another_job_over_the_same_images_go_into_its_own_table(spark, tmp_path, table_format, next_run):
    """Two jobs share image_codes and have an image_desc each: what one has left the other publishes, and not among its own."""
    tables = fresh_tables(table_format, tmp_path)
    theirs = TableStore(spark, dataclasses.replace(tables, image_desc="answers"))
    store = TableStore(spark, tables)
    for each in (store, theirs):
        each.make_missing()
    ended = Staging(theirs, ONE_ANSWER, ENDED)
    ended.write(ended.names[0], _answers(spark, "1"))
    getattr(Staging(store, ONE_ANSWER, "f1" * 16), next_run)()
    assert [row.descrizione for row in theirs.read("image_desc").collect()] == ["1"]
    assert rows_of(spark, tables, "image_desc") == []
    assert Staging(store, ONE_ANSWER, "a2" * 16).publish_left() == 0


def test_what_was_to_be_kept_beside_the_others_is(spark, tables):
    """A pass of a run with keep_both is published so, although the run that finds it would replace."""
    store = TableStore(spark, tables)
    store.make_missing()
    store.append("image_desc", _answers(spark, "1"))
    ended = Staging(store, AN_ANSWER_EACH, ENDED)
    ended.write(ended.names[0], _answers(spark, "2"))
    assert Staging(store, ONE_ANSWER, "f1" * 16).publish_left() == 1
    assert sorted(row.descrizione for row in rows_of(spark, tables, "image_desc")) == ["1", "2"]


@pytest.mark.parametrize("are_new", [False, True])
def test_a_source_that_grows_during_a_run_doubles_no_row(spark, tables, tmp_path, monkeypatch, are_new):
    """An address that comes into the source while the run is at work, and has its rows already, is left as it is."""
    begin, source = Work.begin, str(tmp_path / "source")

    def grown_after(work, **settings):
        first = begin(work, **settings)
        urls(1, 2).write.format("delta").mode("append").save(source)
        return first

    with ImageServer() as images:

        def urls(start: int, count: int):
            return pv.generate_urls(spark, count, start=start, width=64, height=48, base_url=images.base_url)

        if not are_new:
            pv.run_pipeline(spark, job(tables, images, images=2, start=1))
        urls(3, 2).write.format("delta").save(source)
        spark.read.format("delta").load(source).createOrReplaceTempView("growing")
        monkeypatch.setattr(Work, "begin", grown_after)
        pv.run_pipeline(spark, job(tables, images, urls_from="growing"))
        assert images.stats()["requests"] == 2 * (2 if are_new else 4)
    check_one_row_each(spark, tables, 2 if are_new else 4)


def test_nothing_is_left_behind(spark, tables, tmp_path):
    """After a run no staged row is there, and the images are on the disk once."""
    with ImageServer() as images:
        pv.run_pipeline(spark, job(tables, images, checkpoint_interval_s=0.1, images=120, start=1))
    assert TableStore(spark, tables).named_like("image_codes_staged_") == []
    check_one_row_each(spark, tables, 120)


def test_a_reader_sees_each_address_once_at_any_moment(spark, tables):
    """Whenever a reader looks while a run in small portions goes on, no table has an address twice, and rows only grow."""
    store, seen, done = TableStore(spark, tables), [], threading.Event()
    store.make_missing()

    def look() -> None:
        while not done.is_set():
            for role in ("image_codes", "image_desc"):
                counts = store.read(role).agg(F.count(F.lit(1)), F.countDistinct("image_url")).collect()[0]
                seen.append((role, *counts))

    reader = threading.Thread(target=look)
    reader.start()
    try:
        with ImageServer() as images:
            pv.run_pipeline(spark, job(tables, images, checkpoint_interval_s=0.1, images=200, start=1, by="seed"))
    finally:
        done.set()
        reader.join()
    assert all(rows == distinct for _, rows, distinct in seen)
    for role in ("image_codes", "image_desc"):
        counts = [rows for name, rows, _ in seen if name == role]
        assert counts == sorted(counts)
    check_one_row_each(spark, tables, 200)


def test_a_portion_that_fails_in_publishing_is_published_by_the_next_run(spark, tables, monkeypatch):
    """What goes wrong in the publishing thread is the run's error, and its rows are not asked for again."""
    with ImageServer() as images:
        broken = job(tables, images, images=8, start=1)
        with monkeypatch.context() as patch:
            patch.setattr(Staging, "_publish", lambda *_, **__: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                pv.run_pipeline(spark, broken)
        requests = images.stats()["requests"]
        pv.run_pipeline(spark, broken)
        assert images.stats()["requests"] == requests
    check_one_row_each(spark, tables, 8)


def test_what_failed_in_a_run_is_not_tried_again_in_the_same_one(spark, tables):
    """retry_failed is about failures of earlier runs: a host that refuses each request once is asked once a run and row."""
    refusal = Fault(kind="status", status=500, path="/id/")
    impatient = pv.DownloadOptions(allow_private_addresses=True, max_attempts=1)
    with ImageServer(faults=[refusal]) as images:
        report = pv.run_pipeline(spark, job(tables, images, images=6, start=1, download=impatient, retry_failed=True))
        assert images.stats()["requests"] == 6
        pv.run_pipeline(spark, job(tables, images, images=6, start=1, download=impatient, retry_failed=True))
        assert images.stats()["requests"] == 12
    assert report.download.by_status == {"http_error": 6}
    check_one_row_each(spark, tables, 6)


def test_what_is_missing_is_known_without_reading_images(spark, tables):
    """No plan that finds what is missing reads image_binary, of either format."""
    store = TableStore(spark, tables)
    store.make_missing()
    asked = spark.range(10).select(F.concat(F.lit("u"), F.col("id").cast("string")).alias("image_url"))
    question = Question.of(pv.PixelDescriber(), pv.Describe())
    standing = Standing(store, asked, Wanted(question=question, retry_before_us=1))
    frames = [standing.rows(), store.missing_from("image_urls", asked), *(standing.keys(todo) for todo in Todo)]
    for frame in frames:
        plan = frame._jdf.queryExecution().executedPlan().toString()
        assert "image_url" in plan
        assert "image_binary" not in plan


def test_after_an_interrupt_the_next_run_in_the_same_process_goes_on(spark, tables, monkeypatch):
    """As when somebody stops a notebook's cell and starts it again: nothing waits for ever, and nothing is fetched twice."""
    with ImageServer() as images:
        interrupted = job(tables, images, images=8, start=1)
        with monkeypatch.context() as patch:
            patch.setattr("picsum_vision.pipeline.work.wait_for_any", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                pv.run_pipeline(spark, interrupted)
        report = pv.run_pipeline(spark, interrupted)
        assert images.stats()["requests"] == 2 * 8
    assert (report.download.skipped, report.describe.skipped) == (8, 8)
    check_one_row_each(spark, tables, 8)


def test_an_interrupt_does_not_wait_for_the_list_of_addresses(spark, tables, monkeypatch):
    """Stopped while addresses are listed, a run ends at once; the next one in the process waits for what is under way."""
    under_way, let_go, listed = threading.Event(), threading.Event(), []
    begin = Work.begin

    def begin_slowly(work, *, tables_are_new):
        under_way.set()
        let_go.wait(60)
        listed.append(True)
        return begin(work, tables_are_new=tables_are_new)

    def interrupted(_):
        assert under_way.wait(60)
        raise KeyboardInterrupt

    with ImageServer() as images:
        stopped = job(tables, images, images=8, start=1)
        with monkeypatch.context() as patch:
            patch.setattr(Work, "begin", begin_slowly)
            patch.setattr(RunLog, "begun", interrupted)
            with pytest.raises(KeyboardInterrupt):
                pv.run_pipeline(spark, stopped)
        assert not listed
        let_go.set()
        pv.run_pipeline(spark, stopped)
    assert listed
    check_one_row_each(spark, tables, 8)
