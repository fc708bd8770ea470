"""Addresses as a stream: each has its row once, whatever ends in between."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.errors import StreamingQueryException
from pyspark.sql import functions as F
from whole_jobs import LOCAL, check_one_row_each, fresh_tables, rows_of

import picsum_vision as pv
from picsum_vision.pipeline.run import run_over
from picsum_vision.pipeline.run_log import RunLog
from picsum_vision.spark.staging import Staging
from picsum_vision.spark.tables import TableStore
from picsum_vision.testing.image_server import ImageServer

pytestmark = pytest.mark.spark


@pytest.fixture(params=["iceberg", pytest.param("delta", marks=pytest.mark.soak)])
def tables(request, tmp_path) -> pv.Tables:
    """Fresh tables of each format."""
    return fresh_tables(request.param, tmp_path)


def streaming_job(tables: pv.Tables, **settings) -> pv.PipelineConfig:
    return pv.PipelineConfig(tables=tables, download=LOCAL, partitions=2, **settings)


def ask_for(spark, tables: pv.Tables, images: ImageServer, numbers: range) -> None:
    """Add addresses to image_urls, as whoever feeds the table does."""
    store = TableStore(spark, tables)
    store.make_missing()
    store.append("image_urls", spark.createDataFrame([(address(images, each),) for each in numbers], "image_url STRING"))


def address(images: ImageServer, number: int) -> str:
    return f"{images.base_url}/seed/{number}/40/30"


def drain(spark, config: pv.PipelineConfig, checkpoint: Path, **options) -> None:
    """Do what is there, and wait for it."""
    query = pv.run_stream(spark, config, checkpoint_location=str(checkpoint), **options)
    assert query.awaitTermination(240)


def test_new_rows_of_image_urls_flow_through(spark, tables, tmp_path):
    """A scheduled stream does the rows that are new since the last one, each once; a deleted row can be passed over."""
    with ImageServer() as images:
        ask_for(spark, tables, images, range(5))
        drain(spark, streaming_job(tables), tmp_path / "checkpoint")
        check_one_row_each(spark, tables, 5)
        assert images.stats()["requests"] == 2 * 5
        drain(spark, streaming_job(tables), tmp_path / "checkpoint")
        store = TableStore(spark, tables)
        spark.sql(f"DELETE FROM {store.name('image_urls')} WHERE image_url = '{address(images, 4)}'")  # noqa: S608 - the test's own
        ask_for(spark, tables, images, range(3, 8))
        if tables.path is None:
            with pytest.raises(StreamingQueryException, match="set streaming-skip-overwrite-snapshots=true"):
                drain(spark, streaming_job(tables), tmp_path / "checkpoint")
        skip = {"streaming-skip-overwrite-snapshots": "true"}
        drain(spark, streaming_job(tables), tmp_path / "checkpoint", source_options=skip)
        assert images.stats()["requests"] == 2 * 8
    for role in ("image_codes", "image_desc"):
        addresses = [row.image_url for row in rows_of(spark, tables, role)]
        assert len(addresses) == len(set(addresses)) == 8
    assert {row.describe_outcome.status for row in rows_of(spark, tables, "image_desc")} == {"ok"}
    runs = sorted(rows_of(spark, tables, "image_runs"), key=lambda row: row.started_at)
    assert {row.state for row in runs} == {"ok"}
    assert [row.stream for row in runs][:2] == [f"{tmp_path / 'checkpoint'}#{number}" for number in range(2)]


def test_the_rows_of_a_micro_batch_are_computed_once(spark, tables, tmp_path):
    """What leads to the addresses may be dear: it is computed once for all queries of a micro-batch."""
    computed = tmp_path / "computed"

    @F.udf("string")
    def counted(url):
        with computed.open("a") as lines:
            lines.write(url + "\n")
        return url

    with ImageServer() as images:
        listed = spark.createDataFrame([(address(images, each),) for each in range(6)], "listed STRING")
        listed.write.parquet(str(tmp_path / "listed"))
        stream = spark.readStream.schema("listed STRING").parquet(str(tmp_path / "listed"))
        drain(spark, streaming_job(tables), tmp_path / "checkpoint", urls=stream.select(counted("listed").alias("image_url")))
        check_one_row_each(spark, tables, 6)
    assert len(computed.read_text().splitlines()) == 6


@pytest.mark.parametrize("ends_at", ["staged", "published", "logged"])
def test_a_micro_batch_that_is_repeated_asks_nobody_again(spark, tmp_path, monkeypatch, ends_at):
    """A micro-batch that fails behind its pass over the hosts is repeated by the next start without one request."""
    tables = fresh_tables("iceberg", tmp_path)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the end")

    with ImageServer() as images:
        ask_for(spark, tables, images, range(6))
        with monkeypatch.context() as patch:
            steps = {"staged": (Staging, "publish"), "published": (Staging, "give_back_room"), "logged": (RunLog, "ended")}
            kind, name = steps[ends_at]
            patch.setattr(kind, name, fail)
            query = pv.run_stream(spark, streaming_job(tables), checkpoint_location=str(tmp_path / "checkpoint"))
            with pytest.raises(StreamingQueryException):
                query.awaitTermination(240)
        assert images.stats()["requests"] == 2 * 6
        drain(spark, streaming_job(tables), tmp_path / "checkpoint")
        assert images.stats()["requests"] == 2 * 6
    check_one_row_each(spark, tables, 6)


def test_any_stream_of_addresses(spark, tmp_path):
    """A streaming DataFrame of one's own is listed, fetched and described; an address that comes again is not done again."""
    tables = fresh_tables("iceberg", tmp_path)
    with ImageServer() as images:
        for number, numbers in enumerate((range(3), range(2, 5), range(5))):
            rows = [(address(images, each), each) for each in (*numbers, *numbers)]
            spark.createDataFrame(rows, "photo STRING, number INT").coalesce(1).write.json(str(tmp_path / "in" / str(number)))
        stream = (
            spark.readStream.schema("photo STRING, number INT").option("maxFilesPerTrigger", 1).json(str(tmp_path / "in" / "*"))
        )
        drain(spark, streaming_job(tables, url_col="photo"), tmp_path / "checkpoint", urls=stream)
        assert images.stats()["requests"] == 2 * 5
    check_one_row_each(spark, tables, 5)
    assert len(rows_of(spark, tables, "image_runs")) == 3


def test_a_table_may_write_its_column_in_capitals(spark, tmp_path):
    """An image_urls whose column is IMAGE_URL flows, as run_pipeline takes it; so does a url_col in another case."""
    tables = fresh_tables("iceberg", tmp_path)
    spark.sql(f"CREATE SCHEMA {tables.catalog}.{tables.schema}")
    spark.sql(f"CREATE TABLE {tables.readable('image_urls')} (IMAGE_URL STRING)")
    with ImageServer() as images:
        ask_for(spark, tables, images, range(1))
        drain(spark, streaming_job(tables), tmp_path / "checkpoint")
        check_one_row_each(spark, tables, 1)
        spark.createDataFrame([(address(images, 2),)], "Photo STRING").write.json(str(tmp_path / "in"))
        stream = spark.readStream.schema("Photo STRING").json(str(tmp_path / "in"))
        drain(spark, streaming_job(tables, url_col="photo"), tmp_path / "other", urls=stream)
    check_one_row_each(spark, tables, 2)


def test_a_micro_batch_without_addresses_misses_no_share(spark, tmp_path):
    """min_ok_share is missed by a run whose source is empty, in the tables as in its report, but not by a micro-batch."""
    config = streaming_job(fresh_tables("iceberg", tmp_path), min_ok_share=0.9)
    none = spark.createDataFrame([], "image_url STRING")
    assert run_over(spark, config, none, stream="checkpoint#0").succeeded
    assert not run_over(spark, config, none).succeeded
    runs = sorted(rows_of(spark, config.tables, "image_runs"), key=lambda row: row.started_at)
    assert [row.state for row in runs] == ["ok", "share_missed"]
    passed = {row.run_id: row.passed for row in rows_of(spark, config.tables, "image_quality") if row.measure == "ok_share"}
    assert [passed[row.run_id] for row in runs] == [None, False]


def test_it_goes_on_until_it_is_stopped(spark, tmp_path):
    """With `every` the query waits for more, and ends when it is stopped."""
    tables = fresh_tables("iceberg", tmp_path)
    with ImageServer() as images:
        ask_for(spark, tables, images, range(2))
        query = pv.run_stream(spark, streaming_job(tables), checkpoint_location=str(tmp_path / "checkpoint"), every="1 second")
        query.processAllAvailable()
        ask_for(spark, tables, images, range(2, 4))
        query.processAllAvailable()
        assert query.isActive
        query.stop()
    check_one_row_each(spark, tables, 4)


def test_a_limit_of_the_reader_cuts_micro_batches(spark, tmp_path):
    """Options reach the table's reader: with one file a micro-batch there are as many micro-batches as files."""
    tables = fresh_tables("iceberg", tmp_path)
    with ImageServer() as images:
        for number in range(2):
            ask_for(spark, tables, images, range(number, number + 1))
        one_file = {"streaming-max-files-per-micro-batch": "1"}
        drain(spark, streaming_job(tables), tmp_path / "checkpoint", source_options=one_file)
    assert len(rows_of(spark, tables, "image_runs")) >= 2
    check_one_row_each(spark, tables, 2)


def test_wrong_settings_are_told_before_the_query_starts(spark, tmp_path):
    """What is no stream, no address, no folder or no job for a stream is refused with its remedy."""
    tables = fresh_tables("iceberg", tmp_path)
    place = {"checkpoint_location": str(tmp_path / "checkpoint")}
    stream = spark.readStream.schema("photo STRING, number INT").json(str(tmp_path))
    with pytest.raises(pv.SettingError, match=r"urls: this DataFrame does not stream; make it with spark\.readStream"):
        pv.run_stream(spark, streaming_job(tables), urls=spark.range(1), **place)
    with pytest.raises(pv.ColumnError, match="url_col: no column 'image_url'; there are: photo, number"):
        pv.run_stream(spark, streaming_job(tables), urls=stream, **place)
    with pytest.raises(pv.ColumnError, match="url_col: column 'number' is int; it must be string"):
        pv.run_stream(spark, streaming_job(tables, url_col="number"), urls=stream, **place)
    with pytest.raises(pv.SettingError, match=r"urls_from: 'mine\.csv' cannot be read as a stream; it must be a table's name"):
        pv.run_stream(spark, streaming_job(tables, urls_from="mine.csv"), **place)
    with pytest.raises(pv.SettingError, match="mode: 'overwrite' is not allowed for a stream"):
        pv.run_stream(spark, streaming_job(tables, mode="overwrite"), **place)
    with pytest.raises(pv.SettingError, match="source_options: not allowed beside urls"):
        pv.run_stream(spark, streaming_job(tables, url_col="photo"), urls=stream, source_options={"a": "b"}, **place)
    with pytest.raises(pv.SettingError, match="checkpoint_location: '' is not allowed"):
        pv.run_stream(spark, streaming_job(tables), checkpoint_location="")
    with pytest.raises(pv.SettingError, match="every: '' is not allowed"):
        pv.run_stream(spark, streaming_job(tables), every="", **place)
