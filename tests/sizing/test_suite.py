"""The suite itself: measured on Spark, kept in MLflow, and what ends it."""

from __future__ import annotations

import csv
import io
import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from suites import suite

import picsum_vision as pv
from picsum_vision.sizing.artefacts import write_artefacts
from picsum_vision.sizing.result import SizingResult, read_result
from picsum_vision.testing.model_server import ModelServer

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# py4j leaves the sockets of what it has collected to the garbage collector; SQLAlchemy its connections.
PY4J = "ignore:Exception ignored in.*socket:pytest.PytestUnraisableExceptionWarning"
pytestmark = [pytest.mark.spark, pytest.mark.filterwarnings(PY4J), pytest.mark.filterwarnings("ignore")]
QUICK: dict[str, Any] = {"repeats": 1, "image_latency_mean_s": 0.01, "model_latency_mean_s": 0.02}
IMAGES = 8


@pytest.fixture(scope="module")
def result(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> SizingResult:
    """Measure one small size once, kept as a suite keeps itself by default."""
    pytest.importorskip("mlflow")
    folder = tmp_path_factory.mktemp("sizing")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        prices = pv.DescribeOptions(input_price_per_million_tokens=2, output_price_per_million_tokens=3)
        return pv.run_sizing(spark, IMAGES, output=folder, notebook_images=4, describe=prices, **QUICK)


def schemas(spark: SparkSession) -> list[str]:
    return [row[0] for row in spark.sql("SHOW SCHEMAS IN platform_catalog").collect() if row[0].startswith("sizing_")]


def test_every_stage_is_measured(result):
    """Each stage has its rows, seconds, latency, bytes, tokens, CPU and memory, and how it went on over time."""
    (size,) = result.sizes
    (repeat,) = size.repeats
    assert list(repeat) == ["urls", "download", "describe", "total"]
    assert {figures.rows_ok for figures in repeat.values()} == {IMAGES}
    assert all(figures.seconds > 0 for figures in repeat.values())
    assert repeat["download"].latency_ms["p50"] >= 5
    assert repeat["download"].latency_ms["p50"] <= repeat["download"].latency_ms["p95"] <= repeat["download"].latency_ms["p99"]
    assert repeat["download"].bytes > IMAGES * 1_000
    assert [figures.questions for figures in repeat.values()] == [None, None, IMAGES, IMAGES]
    assert repeat["describe"].input_tokens > 0
    assert repeat["describe"].output_tokens > 0
    told = repeat["describe"]
    assert told.cost == pytest.approx((2 * told.input_tokens + 3 * told.output_tokens) / 1_000_000)
    assert repeat["total"].cost > 0
    assert repeat["download"].cost is None
    assert {"jvm", "python_worker", "driver", "servers"} <= set(repeat["download"].cpu_seconds)
    assert repeat["download"].peak_memory_mb["jvm"] > 100
    assert repeat["download"].series[-1][1:] == (IMAGES, 0)
    assert {"describe_p95", "download_p95"} <= set(repeat["total"].latency_ms)
    assert result.cold["total"].rows_ok == IMAGES


def test_the_table_has_the_notebooks_form(result):
    """Images, download, inference, total: ours, the notebook's method in the same run with its share stated, and as published."""
    text = str(result)
    assert [line.split() for line in text.splitlines()].count(["images", "download", "inference", "total"]) == 3
    assert "the notebook's method here (its pace on 4 images, 2 requests at once, requests; multiplied)" in text
    assert "5,000  25.0 min   75.0 min  100.0 min" in text
    assert f"overheads at {IMAGES} images" in text
    assert f"predicted for {IMAGES} images" in text
    assert "<table>" in result._repr_html_()
    folder = Path(result.folder)
    assert (folder / "table.md").read_text().count("|---:|---:|---:|---:|") == 3
    rows = list(csv.DictReader(io.StringIO((folder / "table.csv").read_text())))
    assert {row["method"] for row in rows} == {"picsum-vision", "notebook here", "notebook published"}
    assert all((folder / name).read_bytes().startswith(b"\x89PNG") for name in ("table.png", "progress.png"))


def test_the_result_is_read_back_as_it_was(result):
    """The file says all that the result says."""
    assert json.dumps(read_result(result.folder).as_dict()) == json.dumps(result.as_dict())


def test_mlflow_has_a_run_for_the_suite_and_one_for_each_size(result):
    """Parent and child have parameters, medians under one name, repeats and series as steps, and files."""
    import mlflow

    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{result.folder}/mlflow.db")
    experiment = client.get_experiment_by_name("picsum-vision sizing")
    runs = {run.info.run_id: run for run in client.search_runs([experiment.experiment_id])}
    parent = runs.pop(result.tracking["run_id"])
    (child,) = runs.values()
    assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert (parent.info.status, child.info.status) == ("FINISHED", "FINISHED")
    assert child.data.params["images"] == str(IMAGES)
    assert child.data.params["environment.tasks_at_once"] == "2"
    assert parent.data.params["demand.model_latency_s"] == "0.02"
    (repeat,) = result.sizes[0].repeats
    assert child.data.metrics["total.seconds"] == pytest.approx(repeat["total"].seconds)
    assert child.data.metrics["download.latency_p95_ms"] == pytest.approx(repeat["download"].latency_ms["p95"])
    assert parent.data.metrics[f"images_{IMAGES}/total.seconds"] == pytest.approx(repeat["total"].seconds)
    points = client.get_metric_history(child.info.run_id, "series/download.rows_done")
    assert max(point.value for point in points) == IMAGES
    kept = {item.path for item in client.list_artifacts(parent.info.run_id)}
    assert {"sizing.json", "table.csv", "table.md", "table.png", "progress.png", "environment.json", "requirements.txt"} <= kept
    assert "| images |" in parent.data.tags["mlflow.note.content"]


def test_a_suite_is_found_by_its_mlflow_run(result, capsys, monkeypatch):
    """`bench compare` takes the parent's id; a run that is not there, or a child, is one line."""
    from picsum_vision.cli.entry import run

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    run_id, folder = result.tracking["run_id"], result.folder
    assert run(["bench", "compare", run_id, result.suite, "--output", folder]) == 0
    assert "set otherwise: nothing" in capsys.readouterr().out
    assert run(["bench", "compare", "0" * 32, folder, "--output", folder]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_nothing_is_left_in_the_catalog(result, spark):
    """The suite's own schemas are dropped with all their tables."""
    assert schemas(spark) == []


def test_a_tracking_server_that_does_not_answer_is_said_once(spark, tmp_path):
    """The suite goes on, the results are in the folder, and one line of progress says where they are not."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
    said: list[str] = []
    kept = pv.run_sizing(
        spark, 3, stages=["urls"], notebook_images=0, output=tmp_path, tracking_uri=address, progress=said.append, **QUICK
    )
    assert len([line for line in said if line.startswith("MLflow:")]) == 1
    assert address in kept.tracking["problem"]
    assert read_result(tmp_path).sizes[0].repeats[0]["urls"].rows == 3
    assert f"the results are in {tmp_path}" in str(kept)


def test_an_endpoint_that_refuses_ends_the_suite_and_loses_nothing(spark, tmp_path):
    """The error says that the key is refused; the downloads that were measured are in the folder."""
    write_artefacts(suite(lambda *_: 2.0, name="before"), tmp_path)
    settings = {"stages": ["download", "describe"], "confirm": True, "output": tmp_path, "tracking": False}
    with ModelServer(api_key="the-key") as model:
        backend = pv.ChatCompletions(model.base_url, "test-vision")
        with pytest.raises(pv.ModelProblem, match=r"(refuses every request|2 are auth) with HTTP 401") as caught:
            pv.run_sizing(spark, 3, backend=backend, **settings, **QUICK)
    assert "\n" not in str(caught.value)
    kept = read_result(tmp_path)
    assert kept.cold["download"].rows_ok == 2
    assert "401" in kept.problem
    assert (tmp_path / "sizing-before.json").is_file()
    assert not (tmp_path / "table.png").exists()
    assert schemas(spark) == []


def test_an_image_host_that_refuses_the_whole_job_is_named_and_not_the_model(spark, tmp_path):
    """Where no download is ok nobody was asked: the host's refusal is told, as a problem of the environment."""
    options = pv.DownloadOptions(allow_private_addresses=True, max_attempts=1)
    settings = {"stages": ["total"], "confirm": True, "output": tmp_path, "tracking": False, "notebook_images": 0}
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(pv.EnvironmentProblem, match=r"^download: none of the rows is ok; 2 are connect") as caught:
            pv.run_sizing(spark, 3, base_url=address, download=options, **settings, **QUICK)
    assert "\n" not in str(caught.value)
    assert read_result(tmp_path).cold["total"].refused_at == "download"
    with ModelServer(api_key="the-key") as model:
        backend = pv.ChatCompletions(model.base_url, "test-vision")
        with pytest.raises(pv.ModelProblem, match="refuses every request with HTTP 401"):
            pv.run_sizing(spark, 3, backend=backend, **settings, **QUICK)
    # The job itself has ended: there is nothing new to be read.
    assert read_result(tmp_path).cold["total"].refused_at == "download"


def test_an_image_host_that_the_workers_do_not_reach_is_named(spark, tmp_path):
    """Servers of the suite on an address that nobody has cannot listen; the setting is named, and the last result stays."""
    before = suite(lambda *_: 2.0, name="before").write(tmp_path).read_text()
    with pytest.raises(pv.SettingError, match=r"serve_on: '192\.0\.2\.1' is not allowed"):
        pv.run_sizing(spark, 3, serve_on="192.0.2.1", output=tmp_path, tracking=False, **QUICK)
    assert (tmp_path / "sizing.json").read_text() == before


def test_a_real_model_is_asked_only_when_that_was_confirmed(spark, tmp_path):
    """Without a yes nothing is asked; the estimate names questions, tokens and price."""
    told: list[str] = []

    def decline(estimate: str) -> bool:
        told.append(estimate)
        return False

    with ModelServer() as model:
        options = pv.DescribeOptions(input_price_per_million_tokens=1, output_price_per_million_tokens=1)
        backend = pv.ChatCompletions(model.base_url, "test-vision")
        settings = {"backend": backend, "describe": options, "output": tmp_path, "tracking": False}
        for confirm in (False, decline):
            with pytest.raises(pv.SettingError, match="not confirmed"):
                pv.run_sizing(spark, 100, confirm=confirm, **settings, **QUICK)
        assert model.stats()["requests"] == 0
    assert "206 answers of test-vision" in told[0]
    assert "tokens, for about 0." in told[0]


def test_lorem_picsum_is_not_load_tested(spark, tmp_path):
    """More than a handful of its images, or many at once, is refused, also with a yes."""
    settings = {"base_url": "https://picsum.photos", "output": tmp_path, "tracking": False, "confirm": True}
    with pytest.raises(pv.SettingError, match="asks not to be load-tested"):
        pv.run_sizing(spark, 1_000, **settings, **QUICK)
    with pytest.raises(pv.SettingError, match="max_in_flight_per_task: 64 is not allowed"):
        pv.run_sizing(spark, 5, download=pv.DownloadOptions(), **settings, **QUICK)
