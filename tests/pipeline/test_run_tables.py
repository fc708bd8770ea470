"""What a run leaves of itself: image_runs, image_quality, MLflow; and runs that begin anew."""

from __future__ import annotations

import json

import pytest
from whole_jobs import check_one_row_each, fresh_tables, job, rows_of

import picsum_vision as pv
from picsum_vision.pipeline.run_settings import kept_settings
from picsum_vision.spark.staging import Staging
from picsum_vision.spark.tables import TableStore
from picsum_vision.testing.image_server import ImageServer
from picsum_vision.testing.model_server import ModelServer

pytestmark = pytest.mark.spark


@pytest.fixture(params=["iceberg", "delta"])
def tables(request, tmp_path) -> pv.Tables:
    """Fresh tables of each format."""
    return fresh_tables(request.param, tmp_path)


def test_every_run_has_a_row_with_its_figures(spark, tables):
    """image_runs says of each run its settings, its versions, and the figures of its report."""
    prices = pv.DescribeOptions(input_price_per_million_tokens=1.0, output_price_per_million_tokens=2.0)
    with ImageServer() as images, ModelServer() as model:
        backend = pv.ChatCompletions(model.base_url, "test-vision")
        report = pv.run_pipeline(spark, job(tables, images, backend=backend, describe=prices))
        second = pv.run_pipeline(spark, job(tables, images, backend=backend, describe=prices, min_ok_share=0.99))
    rows = {row.run_id: row for row in rows_of(spark, tables, "image_runs")}
    assert len(rows) == 2
    first = rows[report.run_id]
    assert (first.state, first.rows, first.cost) == ("ok", 24, pytest.approx(report.describe.cost))
    assert json.loads(first.describe_by_status) == {"ok": 22, "no_image": 2}
    assert (first.input_tokens, first.bytes) == (report.describe.input_tokens, report.download.bytes)
    assert first.started_at < first.ended_at
    assert first.images_per_second > 0
    assert json.loads(first.settings)["backend"]["kind"] == "ChatCompletions"
    assert json.loads(first.versions)["spark"] == spark.version
    assert (rows[second.run_id].state, rows[second.run_id].input_tokens) == ("share_missed", 0)


def test_a_run_that_failed_or_was_ended_says_so(spark, tables, monkeypatch):
    """A run that raises is `failed`, one that was ended without a word is `abandoned` when the next one begins."""
    with ImageServer() as images:
        for ended in (RuntimeError("with a key in it"), KeyboardInterrupt()):
            with monkeypatch.context() as patch:
                patch.setattr(Staging, "write", lambda *_, error=ended: (_ for _ in ()).throw(error))
                with pytest.raises(type(ended)):
                    pv.run_pipeline(spark, job(tables, images, images=2, start=1))
        pv.run_pipeline(spark, job(tables, images, images=2, start=1))
    rows = sorted(rows_of(spark, tables, "image_runs"), key=lambda row: row.started_at)
    assert [(row.state, row.message) for row in rows] == [("failed", "RuntimeError"), ("abandoned", None), ("ok", None)]


def test_no_secret_is_kept_of_the_settings():
    """Of a key the place is kept, of headers their names, of an address neither password nor query."""
    config = pv.PipelineConfig(
        backend=pv.ChatCompletions("https://host/v1", "m", api_key=pv.Secret.env("KEY_VARIABLE")),
        download=pv.DownloadOptions(headers={"Authorization": "Bearer planted"}),
        urls_from="s3://user:planted@bucket/list.parquet?token=planted",
    )
    kept = json.dumps(kept_settings(config))
    assert "planted" not in kept
    assert "env:KEY_VARIABLE" in kept
    assert "Authorization" in kept
    assert "s3://bucket/list.parquet" in kept


def test_mlflow_has_the_same(spark, tables, tmp_path, image_server):
    """With log_to_mlflow a run's settings, figures and versions are an MLflow run as well."""
    mlflow = pytest.importorskip("mlflow")
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    mlflow.set_experiment("jobs")
    report = pv.run_pipeline(spark, job(tables, image_server, log_to_mlflow=True))
    (run,) = mlflow.search_runs(experiment_names=["jobs"], output_format="list")
    assert run.data.tags["picsum_vision.run_id"] == report.run_id
    assert run.data.tags["version.spark"] == spark.version
    assert run.data.params["backend.kind"] == "PixelDescriber"
    assert run.data.metrics["download.http_error"] == 2
    assert run.data.metrics["ok_share"] == pytest.approx(22 / 24)


def test_quality_counts_what_is_odd(spark, tables, tmp_path):
    """Duplicate and small pictures, repeated and empty answers are counted, in the report and in image_quality."""
    with ImageServer() as images:
        base = images.base_url
        paths = ["1/100/100", "1/100/100.jpg", "2/100/100", "3/20/100", "86/9/9"]
        mine = spark.createDataFrame([(f"{base}/id/{path}",) for path in paths], "image_url STRING")
        mine.write.parquet(str(tmp_path / "mine.parquet"))
        download = pv.DownloadOptions(allow_private_addresses=True)
        settings = {"tables": tables, "urls_from": str(tmp_path / "mine.parquet"), "download": download}
        report = pv.run_pipeline(spark, pv.PipelineConfig(**settings))
        store = TableStore(spark, tables)
        for text, path in (("un mare", "%/id/2/%"), ("un mare", "%/id/3/%"), (" ", "%/id/1/100/100.jpg")):
            change = f"UPDATE {store.name('image_desc')} SET descrizione = '{text}' WHERE image_url LIKE '{path}'"  # noqa: S608
            spark.sql(change)
        odd = pv.run_pipeline(spark, pv.PipelineConfig(**settings))
    assert report.quality["rows"] == 5
    assert report.quality["ok_share"] == pytest.approx(0.8)
    assert (report.quality["duplicate_pictures"], report.quality["small_pictures"]) == (1, 1)
    assert (odd.quality["empty_descriptions"], odd.quality["repeated_descriptions"]) == (1, 2)
    assert "1 pictures that are there under another address" in str(odd)
    kept = {row.measure: row.value for row in rows_of(spark, tables, "image_quality") if row.run_id == odd.run_id}
    assert kept == odd.quality


def test_overwrite_does_everything_again(spark, tables):
    """mode="overwrite" leaves the rows of this run alone in the tables, as the notebook's own writes do."""
    with ImageServer() as images:
        pv.run_pipeline(spark, job(tables, images))
        before = images.stats()["requests"]
        report = pv.run_pipeline(spark, job(tables, images, images=10, start=80, mode="overwrite"))
        assert images.stats()["requests"] - before == 2 * 9 + 1
    assert (report.rows, report.download.skipped) == (10, 0)
    check_one_row_each(spark, tables, 10)
