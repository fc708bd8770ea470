"""A machine of the cluster goes away in the middle of a run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from clusters import standalone_cluster

from picsum_vision.testing.image_server import ImageServer
from picsum_vision.testing.latency import Latency
from picsum_vision.testing.model_server import ModelServer

pytestmark = [pytest.mark.spark, pytest.mark.slow]

JOB = Path(__file__).parent.parent / "jobs" / "killed_job.py"


def lose_a_worker() -> None:
    """Kill one of this process's cluster workers with all that it has started, as when its machine goes."""
    children = [child for child in psutil.Process().children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE]
    workers = [child for child in children if "worker.Worker" in " ".join(child.cmdline())]
    os.killpg(os.getpgid(workers[-1].pid), signal.SIGKILL)


@pytest.mark.parametrize(
    ("images", "lost_after"), [(120, 40), pytest.param(2_000, 700, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])]
)
def test_a_worker_that_is_lost_loses_no_rows(tmp_path, images, lost_after):
    """Of two workers one is killed in the middle: the run goes on, and every row has its outcome once."""
    with (
        ImageServer() as host,
        ModelServer(latency=Latency(mean_s=0.3)) as model,
        standalone_cluster(workers=2, cores_each=1) as address,
        (tmp_path / "log").open("wb") as log,
    ):
        command = [sys.executable, str(JOB), str(tmp_path / "tables"), "iceberg", str(images), host.base_url, model.base_url]
        environment = {name: value for name, value in os.environ.items() if name != "PYSPARK_PYTHON"}
        process = subprocess.Popen([*command, address], stdout=subprocess.PIPE, stderr=log, env=environment)
        try:
            while model.stats()["requests"] < lost_after and process.poll() is None:
                time.sleep(0.01)
            assert process.poll() is None, (tmp_path / "log").read_text()[-3000:]
            lose_a_worker()
            printed, _ = process.communicate(timeout=1_500)
        finally:
            process.kill()
        assert process.returncode == 0, (tmp_path / "log").read_text()[-3000:]
        asked_again = model.stats()["requests"] - images
    found = json.loads(printed.decode().strip().splitlines()[-1])
    for role in ("image_urls", "image_codes", "image_desc"):
        assert found[role] == [images, images], role
    assert found["report"]["describe"]["by_status"] == {"ok": images}
    print(f"{asked_again} questions of {images} asked again")
    # A pass's share of the lost worker, run again by Spark, and what it had handed on.
    assert asked_again <= images / 2
