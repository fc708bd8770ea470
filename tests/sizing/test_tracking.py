"""A suite in a real MLflow, whatever goes wrong there."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from suites import closed_port, figures, overloaded_server, suite

from picsum_vision.sizing.tracking import Tracking

pytestmark = pytest.mark.filterwarnings("ignore")  # SQLAlchemy's and MLflow's own
EXPERIMENT = "tracking"
BEGAN_AT_S = 1_700_000_000.0


def kept(folder: Path, stage: str, said: list[str], **settings: Any) -> tuple[Any, dict[str, Any]]:
    """Keep a suite with one measurement of `stage`; return MLflow's client and the runs by name."""
    mlflow = pytest.importorskip("mlflow")
    result = suite(lambda *_: 2.0, sizes=(100,), name="kept")
    result.settings |= settings
    measured = dataclasses.replace(figures(100, 2.0), began_at_s=BEGAN_AT_S, series=((1.0, 40, 60), (2.0, 100, 0)))
    tracking = Tracking(f"sqlite:///{folder}/mlflow.db", EXPERIMENT, folder / "artifacts", said.append)
    tracking.begin(result)
    result.sizes[0].repeats[0] = {stage: measured}
    tracking.size(result.sizes[0], "FINISHED")
    tracking.end(result, [])
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{folder}/mlflow.db")
    experiment = client.get_experiment_by_name(EXPERIMENT).experiment_id
    return client, {run.info.run_name: run for run in client.search_runs([experiment])}


def test_what_mlflow_refuses_ends_the_tracking_and_leaves_nothing_running(tmp_path: Path) -> None:
    """A figure that MLflow does not take is said once, and the runs are closed as failed."""
    said: list[str] = []
    _, runs = kept(tmp_path, "no\nname", said)
    assert {name: run.info.status for name, run in runs.items()} == {"suite kept": "FAILED", "100 images": "FAILED"}
    assert len(said) == 1


def test_a_series_has_the_times_at_which_it_was(tmp_path: Path) -> None:
    """Points stand at the stage's own time, however long reading and sending took; the runs are closed as finished."""
    client, runs = kept(tmp_path, "download", [])
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    points = client.get_metric_history(runs["100 images"].info.run_id, "series/download.rows_done")
    assert [(point.timestamp, point.step, point.value) for point in points] == [
        (int((BEGAN_AT_S + 1) * 1_000), 1_000, 40),
        (int((BEGAN_AT_S + 2) * 1_000), 2_000, 100),
    ]


def test_as_many_parameters_are_kept_as_there_are(tmp_path: Path) -> None:
    """MLflow takes a hundred at once; a suite with hundreds of settings has them all."""
    said: list[str] = []
    _, runs = kept(tmp_path, "download", said, many={f"setting_{number}": number for number in range(350)})
    assert said == []
    for run in runs.values():
        assert {run.data.params[f"many.setting_{number}"] for number in range(350)} == {str(number) for number in range(350)}


def test_a_password_of_the_store_is_in_nothing_that_is_said_or_kept(tmp_path: Path) -> None:
    """MLflow quotes the whole address when it cannot reach it; the line and the result have it without user and password."""
    pytest.importorskip("mlflow")
    said: list[str] = []
    result = suite(lambda *_: 2.0, sizes=(100,), name="kept")
    address = f"127.0.0.1:{closed_port()}"
    Tracking(f"http://user:SECRET@{address}", EXPERIMENT, tmp_path, said.append).begin(result)
    (line,) = said
    assert f"MLflow: http://{address} cannot be used (" in line
    assert "SECRET" not in line
    assert "SECRET" not in str(result.as_dict())


def test_a_server_that_has_failed_is_not_asked_again(tmp_path: Path) -> None:
    """After the first failure sizes and files are kept in the folder alone."""
    pytest.importorskip("mlflow")
    result = suite(lambda *_: 2.0, sizes=(100,), name="kept")
    with overloaded_server() as (address, asked):
        tracking = Tracking(address, EXPERIMENT, tmp_path, lambda _: None)
        tracking.begin(result)
        assert "problem" in result.tracking
        asked.clear()
        tracking.size(result.sizes[0], "FINISHED")
        tracking.end(result, [])
        assert asked == []
