"""Streams in processes of their own: killed and started again, and on Spark Connect."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from picsum_vision.testing.image_server import ImageServer
from picsum_vision.testing.latency import Latency
from picsum_vision.testing.model_server import ModelServer

pytestmark = [pytest.mark.spark, pytest.mark.slow]
JOB = Path(__file__).parent.parent / "jobs" / "stream_job.py"
_NO_CHUNK_BELOW = 50
_PATIENCE_S = 280


class Stream:
    """Starts of one scheduled stream."""

    def __init__(self, folder: Path, words: list[str], images: int, host: ImageServer, model: ModelServer) -> None:
        """Name the servers and the tables of all starts."""
        self._log = folder / "log"
        self._model = model
        self._command = [sys.executable, str(JOB), str(folder / "tables"), *words, str(images), host.base_url, model.base_url]

    def killed_after(self, questions: int) -> None:
        """Start it, and kill the driver when the model has been asked so many more times."""
        ripe = self._model.stats()["requests"] + questions
        give_up_at_s = time.monotonic() + _PATIENCE_S
        with self._log.open("ab") as log:
            process = subprocess.Popen(self._command, stdout=log, stderr=log, env=_environment())
            try:
                while self._model.stats()["requests"] < ripe and process.poll() is None and time.monotonic() < give_up_at_s:
                    time.sleep(0.01)
                assert process.poll() is None, self._log.read_text()[-3000:]
            finally:
                process.kill()
                process.wait()

    def finished(self) -> dict:
        """Let it do what is there, and return what it printed."""
        ended = subprocess.run(
            self._command, capture_output=True, text=True, env=_environment(), timeout=_PATIENCE_S, check=False
        )
        assert ended.returncode == 0, ended.stderr[-3000:]
        return json.loads(ended.stdout.strip().splitlines()[-1])


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYSPARK_PYTHON"}


@pytest.mark.parametrize("table_format", [pytest.param("iceberg"), pytest.param("delta", marks=pytest.mark.soak)])
def test_a_killed_micro_batch_goes_on_where_it_was(tmp_path, table_format):
    """Killed in its second pass, a micro-batch is repeated, asks for two passes' rows again at most, and its run is abandoned."""
    images = 3 * _NO_CHUNK_BELOW
    with ImageServer() as host, ModelServer(latency=Latency(mean_s=0.3)) as model:
        stream = Stream(tmp_path, [table_format, "master", "local[2]"], images, host, model)
        stream.killed_after(_NO_CHUNK_BELOW + 20)
        found = stream.finished()
        assert model.stats()["requests"] <= images + 2 * _NO_CHUNK_BELOW
    for role in ("image_urls", "image_codes", "image_desc"):
        assert found[role] == [images, images], role
    assert found["runs"] == [["abandoned", None, None], ["ok", images, {"ok": images}]]


@pytest.mark.usefixtures("connect_port")
def test_on_spark_connect(tmp_path):
    """Through Spark Connect the micro-batch's function works beside the server: tables exact, runs written, nothing twice."""
    with ImageServer() as host, ModelServer() as model:
        first = Stream(tmp_path, ["iceberg", "remote", "local[2]"], 6, host, model).finished()
        second = Stream(tmp_path, ["iceberg", "remote", "local[2]"], 10, host, model).finished()
        assert model.stats()["requests"] == 10
    assert first["session"] == "pyspark.sql.connect.session"
    assert (first["image_desc"], second["image_desc"]) == ([6, 6], [10, 10])
    assert second["runs"] == [["ok", 6, {"ok": 6}], ["ok", 4, {"ok": 4}]]
