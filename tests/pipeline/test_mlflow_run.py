"""A run's settings and figures as an MLflow run."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest
from whole_jobs import fresh_tables, job, rows_of

import picsum_vision as pv
from picsum_vision.spark.staging import Staging
from picsum_vision.testing.image_server import ImageServer
from picsum_vision.testing.model_server import ModelServer

mlflow = pytest.importorskip("mlflow")
# MLflow and what it stands on warn of each other's future.
pytestmark = [pytest.mark.spark, pytest.mark.filterwarnings("ignore")]
KEY = "Planted4711kEy"


@pytest.fixture
def store(mlflow_store):
    """Give a database of the test's own with an experiment that is chosen."""
    mlflow.set_experiment("jobs")
    return mlflow_store


def runs() -> list:
    return mlflow.search_runs(experiment_names=["jobs"], output_format="list", order_by=["start_time"])


def test_mlflow_has_the_same(spark, store, capsys):
    """Settings are parameters, versions tags, figures metrics; the run is as long as the job, and stdout stays clean."""
    tables = fresh_tables("iceberg", Path())
    with ImageServer() as images:
        capsys.readouterr()
        report = pv.run_pipeline(spark, job(tables, images, log_to_mlflow=True))
    assert capsys.readouterr().out == ""
    assert mlflow.active_run() is None
    (run,) = runs()
    assert (run.info.status, run.data.tags["picsum_vision.run_id"]) == ("FINISHED", report.run_id)
    assert run.info.end_time - run.info.start_time >= 500
    assert run.data.tags["version.spark"] == spark.version
    assert (run.data.params["backend.kind"], run.data.params["images"]) == ("PixelDescriber", "24")
    assert run.data.metrics["download.http_error"] == 2
    assert run.data.metrics["ok_share"] == pytest.approx(22 / 24)
    assert run.data.metrics["quality.duplicate_pictures"] == 0
    assert run.data.metrics["describe.images_per_second"] == pytest.approx(report.describe.images_per_second)


def test_a_planted_key_is_in_no_table_and_no_run(spark, store, tmp_path):
    """A key that the endpoint and the image host are sent is in no byte of the tables, of their files and of MLflow's store."""
    (tmp_path / "key").write_text(KEY)
    tables = pv.Tables(path=str(tmp_path / "tables"))
    download = pv.DownloadOptions(allow_private_addresses=True, headers={"X-Token": KEY})
    with ImageServer() as images, ModelServer(api_key=KEY) as model:
        backend = pv.ChatCompletions(model.base_url, "test-vision", api_key=pv.Secret.file(tmp_path / "key"))
        pv.run_pipeline(spark, job(tables, images, images=4, backend=backend, download=download, log_to_mlflow=True))
    for table in ("image_runs", "image_quality"):
        rows = rows_of(spark, tables, table)
        assert rows
        assert KEY not in str(rows)
    (run,) = runs()
    assert run.data.params["backend.api_key"] == f"file:{tmp_path / 'key'}"
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path != tmp_path / "key"]
    assert any(path.name == "mlflow.db" for path in files)
    assert [path for path in files if KEY.encode() in path.read_bytes()] == []


def test_what_became_of_a_job_is_the_runs_status(spark, store, monkeypatch):
    """A job that raises is a FAILED run, and one that ended without a word a KILLED one from the next job on."""
    tables = fresh_tables("iceberg", Path())
    with ImageServer() as images:
        for ended in (RuntimeError(), KeyboardInterrupt()):
            with monkeypatch.context() as patch:
                patch.setattr(Staging, "write", lambda *_, error=ended: (_ for _ in ()).throw(error))
                with pytest.raises(type(ended)):
                    pv.run_pipeline(spark, job(tables, images, images=2, start=1, log_to_mlflow=True))
        assert [run.info.status for run in runs()] == ["FAILED", "RUNNING"]
        pv.run_pipeline(spark, job(tables, images, images=2, start=1, log_to_mlflow=True))
    assert [run.info.status for run in runs()] == ["FAILED", "KILLED", "FINISHED"]


def test_within_an_open_run_it_is_a_run_below_it(spark, store):
    """Whoever has a run open keeps it open, with the job's run as its child."""
    tables = fresh_tables("iceberg", Path())
    with ImageServer() as images, mlflow.start_run() as parent:
        pv.run_pipeline(spark, job(tables, images, images=2, start=1, log_to_mlflow=True))
        assert mlflow.active_run().info.run_id == parent.info.run_id
    assert [run.data.tags.get("mlflow.parentRunId") for run in runs()] == [None, parent.info.run_id]


@pytest.mark.parametrize("answers", ["refuses", "is silent"])
@pytest.mark.usefixtures("mlflow_store")
def test_a_server_that_does_not_answer_costs_no_result(spark, monkeypatch, answers):
    """Where MLflow cannot be reached the job says so once, without the address's password, and its tables are whole."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    tables = fresh_tables("iceberg", Path())
    with socket.socket() as host, ImageServer() as images:
        host.bind(("127.0.0.1", 0))
        if answers == "is silent":
            host.listen()
        mlflow.set_tracking_uri(f"http://user:{KEY}@127.0.0.1:{host.getsockname()[1]}")
        with pytest.warns(UserWarning, match="MLflow") as told:
            report = pv.run_pipeline(spark, job(tables, images, images=4, log_to_mlflow=True))
    (said,) = [text for text in (str(each.message) for each in told) if text.startswith("MLflow")]
    assert "does not take this run" in said
    assert KEY not in said
    assert report.describe.by_status == {"ok": 4}
    assert [row.state for row in rows_of(spark, tables, "image_runs")] == ["ok"]


def test_without_mlflow_the_extra_is_named(spark, monkeypatch):
    """Where MLflow is missing, a job that is to log to it ends before any work with the command that brings it."""
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(pv.MissingExtraError, match=r"pip install 'picsum-vision\[mlflow\]'"):
        pv.run_pipeline(spark, pv.PipelineConfig(log_to_mlflow=True))
