"""The driver killed with SIGKILL in the middle of a run, and the run after it."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from picsum_vision.testing.image_server import ImageServer
from picsum_vision.testing.latency import Latency
from picsum_vision.testing.model_server import ModelServer

pytestmark = [pytest.mark.spark, pytest.mark.slow]

JOB = Path(__file__).parent.parent / "jobs" / "killed_job.py"
_NO_CHUNK_BELOW = 50


class Runs:
    """Runs of one job in processes of their own."""

    def __init__(self, folder: Path, table_format: str, images: int, host: ImageServer, model: ModelServer) -> None:
        """Name the servers and the tables of all runs."""
        self.model = model
        self.images = images
        self._folder = folder
        self._command = [sys.executable, str(JOB), str(folder / "tables"), table_format, str(images)]
        self._command += [host.base_url, model.base_url]

    def killed_after(self, questions: int) -> None:
        """Start a run and kill its driver when the model has been asked so many more times; or let it come to its end."""
        ripe = self.model.stats()["requests"] + questions
        with (self._folder / "log").open("ab") as log:
            process = subprocess.Popen(self._command, stdout=log, stderr=log, env=_environment())
            try:
                while self.model.stats()["requests"] < ripe and process.poll() is None:
                    time.sleep(0.01)
                assert process.poll() in (None, 0), (self._folder / "log").read_text()[-3000:]
            finally:
                process.kill()
                process.wait()

    def finished(self) -> dict:
        """Run to the end and return what the job printed."""
        ended = subprocess.run(self._command, capture_output=True, text=True, env=_environment(), timeout=280, check=False)
        assert ended.returncode == 0, ended.stderr[-3000:]
        return json.loads(ended.stdout.strip().splitlines()[-1])


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYSPARK_PYTHON"}


def check(found: dict, images: int) -> None:
    for role in ("image_urls", "image_codes", "image_desc"):
        assert found[role] == [images, images], role
    assert found["report"]["download"]["ok"] == found["report"]["describe"]["ok"] == images


@pytest.mark.parametrize("table_format", ["iceberg", "delta"])
def test_three_kills(tmp_path, table_format):
    """Killed in its first, second and third pass, a job ends exact, and asks for no more than one pass again for each kill."""
    images = 4 * _NO_CHUNK_BELOW
    with ImageServer() as host, ModelServer(latency=Latency(mean_s=0.3)) as model:
        runs = Runs(tmp_path, table_format, images, host, model)
        for questions in (20, _NO_CHUNK_BELOW + 15, _NO_CHUNK_BELOW + 40):
            runs.killed_after(questions)
        found = runs.finished()
        assert model.stats()["requests"] <= images + 3 * 2 * _NO_CHUNK_BELOW
    check(found, images)
    # Of the second and third run at least a pass each was there already: it was staged when the next one began.
    assert found["report"]["describe"]["skipped"] >= _NO_CHUNK_BELOW


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("table_format", ["iceberg", "delta"])
def test_twenty_kills(tmp_path, table_format):
    """Killed at 20 random moments, a job of 2,000 images ends exact, and each kill cost at most one interval of work."""
    images, kills, chance = 2_000, 20, random.Random(6)
    with ImageServer() as host, ModelServer(latency=Latency(mean_s=0.3)) as model:
        runs = Runs(tmp_path, table_format, images, host, model)
        for _ in range(kills):
            runs.killed_after(chance.randrange(1, 2 * images // kills))
        found = runs.finished()
        assert model.stats()["requests"] <= images + kills * 2 * _NO_CHUNK_BELOW
    check(found, images)
