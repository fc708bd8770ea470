"""The driver, the JVM and Python workers killed with SIGKILL in the middle of a run, and the run after it."""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from outside_reader import OutsideReader
from spark_processes import processes_of

from picsum_vision.testing.image_server import ImageServer
from picsum_vision.testing.latency import Latency
from picsum_vision.testing.model_server import ModelServer

pytestmark = [pytest.mark.spark, pytest.mark.slow]

JOB = Path(__file__).parent.parent / "jobs" / "killed_job.py"
# What one interval may be here: a chunk has about so many rows, another one begins in its slots before it is committed.
_CHUNK_ROWS = 100
_WINDOW_ROWS = 2 * 8
_INTERVAL_ROWS = 2 * (_CHUNK_ROWS + _WINDOW_ROWS)
# Images are fetched ahead of the requests to the model.
_LOOK_AHEAD_ROWS = 2 * 3 * _WINDOW_ROWS


class Runs:
    """Runs of one job in processes of their own."""

    def __init__(self, folder: Path, table_format: str, images: int, host: ImageServer, model: ModelServer) -> None:
        """Name the servers and the tables of all runs."""
        self.tables = folder / "tables" / ("delta" if table_format == "delta" else "marketplace")
        self._model = model
        self._log = folder / "log"
        self._command = [sys.executable, str(JOB), str(folder / "tables"), table_format, str(images)]
        self._command += [host.base_url, model.base_url]

    def killed_after(self, questions: int, who: str, *, ends_within_s: float = 20) -> bool:
        """Start a run, and kill one of its processes when the model has been asked so many more times.

        Returns whether it came so far; it may also end before.
        """
        ripe = self._model.stats()["requests"] + questions
        with self._log.open("ab") as log:
            process = subprocess.Popen(self._command, stdout=log, stderr=log, env=_environment())
            try:
                while self._model.stats()["requests"] < ripe and process.poll() is None:
                    time.sleep(0.005)
                if process.poll() is not None:
                    assert process.returncode == 0, self._log.read_text()[-3000:]
                    return False
                processes_of(process.pid)[who].kill()
                # A run whose worker was between two tasks just goes on: then its driver is next.
                with contextlib.suppress(subprocess.TimeoutExpired):
                    assert process.wait(ends_within_s) != 0
            finally:
                process.kill()
                process.wait()
        return True

    def finished(self) -> dict:
        """Run to the end and return what the job printed."""
        ended = subprocess.run(self._command, capture_output=True, text=True, env=_environment(), timeout=900, check=False)
        assert ended.returncode == 0, ended.stderr[-3000:]
        return json.loads(ended.stdout.strip().splitlines()[-1])


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYSPARK_PYTHON"}


def check(found: dict, images: int) -> None:
    for role in ("image_urls", "image_codes", "image_desc"):
        assert found[role] == [images, images], role
    assert found["report"]["download"]["ok"] == found["report"]["describe"]["ok"] == images


def check_counts(host: ImageServer, model: ModelServer, images: int, kills: int) -> None:
    """Assert by the servers' own counts that each kill cost at most an interval."""
    asked_again = model.stats()["requests"] - images
    fetched_again = host.stats()["requests"] / 2 - images  # a redirect and an image
    print(f"{kills} kills of {images} images: {asked_again} questions and {fetched_again:.0f} images again")
    assert asked_again <= kills * _INTERVAL_ROWS
    assert fetched_again <= kills * (_INTERVAL_ROWS + _LOOK_AHEAD_ROWS)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("table_format", ["iceberg", pytest.param("delta", marks=pytest.mark.soak)])
def test_three_kills(tmp_path, table_format):
    """Driver, JVM and a worker killed in their first passes: the job ends exact, and each kill cost at most an interval."""
    images = 200
    with ImageServer() as host, ModelServer(latency=Latency(mean_s=0.3)) as model:
        runs = Runs(tmp_path, table_format, images, host, model)
        with OutsideReader(runs.tables, table_format) as reader:
            for questions, who in ((20, "driver"), (75, "jvm"), (40, "worker")):
                assert runs.killed_after(questions, who)
            found = runs.finished()
        check_counts(host, model, images, kills=3)
    check(found, images)
    reader.check()


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("table_format", ["iceberg", "delta"])
def test_ten_kills(tmp_path, table_format):
    """Killed at ten random moments, a job of 2,000 images ends exact, and each kill cost at most one interval of work."""
    images, kills, chance = 2_000, 10, random.Random(6)
    with ImageServer() as host, ModelServer(latency=Latency(mean_s=0.3)) as model:
        runs = Runs(tmp_path, table_format, images, host, model)
        with OutsideReader(runs.tables, table_format) as reader:
            moments = [(chance.randrange(1, 120), chance.choice(("driver", "jvm", "worker"))) for _ in range(kills)]
            # So soon that a run that goes on does not get through with all images before the last kill.
            killed = sum(runs.killed_after(questions, who, ends_within_s=1) for questions, who in moments)
            found = runs.finished()
        assert killed == kills
        check_counts(host, model, images, kills)
    check(found, images)
    reader.check()
