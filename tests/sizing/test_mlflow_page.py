"""MLflow's own pages over an experiment that the suite wrote, in a real browser."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import browser
from suites import suite

from picsum_vision.sizing.artefacts import write_artefacts
from picsum_vision.sizing.result import SizingResult
from picsum_vision.sizing.tracking import Tracking

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
EXPERIMENT = "sizing in the browser"
_PATIENCE_S = 120


@contextlib.contextmanager
def mlflow_ui(store: str) -> Iterator[str]:
    """Serve the store's pages on loopback, on a port that was free."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store, "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen(
        [*command, "--workers", "1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        deadline_s = time.monotonic() + _PATIENCE_S
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
                break
            if server.poll() is not None or time.monotonic() > deadline_s:
                pytest.fail("mlflow server does not answer")
            time.sleep(0.5)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, 15)  # its workers are in the group that was made for it
        server.wait(30)


def tracked(folder: Path, uri: str | None = None) -> SizingResult:
    """Keep a suite as `run_sizing` does, in a file or where `uri` says."""
    result = suite(lambda _, images, repeat: 2.0 + images / 100 + repeat / 10, sizes=(100, 1_000), repeats=2, name="seen")
    result.folder = str(folder)
    tracking = Tracking(uri or f"sqlite:///{folder}/mlflow.db", EXPERIMENT, folder / "artifacts", print)
    tracking.begin(result)
    for size in result.sizes:
        tracking.size(size, "FINISHED")
    tracking.end(result, write_artefacts(result, folder))
    assert "problem" not in result.tracking
    return result


def test_the_experiment_opens_with_its_runs_and_metrics(tmp_path: Path) -> None:
    """The list shows the suite with a run for each size below it, a size's page its metrics, the suite's page its table."""
    mlflow = pytest.importorskip("mlflow")
    result = tracked(tmp_path)
    store = f"sqlite:///{tmp_path}/mlflow.db"
    client = mlflow.MlflowClient(tracking_uri=store)
    experiment = client.get_experiment_by_name(EXPERIMENT).experiment_id
    (child,) = client.search_runs([experiment], "params.images = '1000'")
    with mlflow_ui(store) as address, browser() as driver:
        driver.set_window_size(1500, 1100)
        pages = f"{address}/#/experiments/{experiment}/runs"
        see(driver, pages, "runs", "suite seen", EXPERIMENT)
        see(driver, f"{pages}/{child.info.run_id}", "metrics", "total.seconds", "1,000 images", f"{12.05:g}")
        see(driver, f"{pages}/{result.tracking['run_id']}", "suite", "inference", "as published")


def test_a_tracking_server_adds_nothing_to_stdout(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow's lines with each run's address would break `--json` and show a password, whatever the environment asks for."""
    pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "false")
    with mlflow_ui(f"sqlite:///{tmp_path}/server.db") as address:
        tracked(tmp_path, address.replace("//", "//user:SECRET@"))
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "SECRET" not in printed.err
    assert os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] == "false"


def see(driver: Any, url: str, name: str, *awaited: str) -> None:
    """Open a page, wait until it says all of `awaited`, in whatever order it is filled, and keep a picture if asked for."""
    driver.get(url)
    deadline_s = time.monotonic() + _PATIENCE_S
    text = ""
    while missing := [words for words in awaited if words not in text]:
        if time.monotonic() > deadline_s:
            pytest.fail(f"{name}: no {missing} in: {text[:2_000]}")
        time.sleep(0.5)
        text = driver.find_element("tag name", "body").text
    folder = os.environ.get("PICSUM_VISION_SCREENSHOTS")
    if folder:
        driver.save_screenshot(str(Path(folder) / f"mlflow-{name}.png"))
