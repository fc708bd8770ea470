"""Spark runs a slow task twice at once, where it is told to: `spark.speculation`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from clusters import standalone_cluster

from picsum_vision.testing.image_server import ImageServer
from picsum_vision.testing.latency import Latency
from picsum_vision.testing.model_server import ModelFault, ModelServer

pytestmark = [pytest.mark.spark, pytest.mark.slow]

JOB = Path(__file__).parent.parent / "jobs" / "killed_job.py"
IMAGES = 160
# A task is repeated once half of its stage's tasks are done, if it has taken longer than they did.
SETTINGS = {
    "spark.speculation": "true",
    "spark.speculation.interval": "100ms",
    "spark.speculation.quantile": "0.5",
    "spark.speculation.multiplier": "1.1",
    "spark.speculation.minTaskRuntime": "100ms",
    "spark.eventLog.enabled": "true",
    "spark.eventLog.rolling.enabled": "false",
    "spark.eventLog.compress": "false",
}


def repeated_tasks(event_logs: Path) -> int:
    """Return how many tasks Spark began as twins of tasks that still ran."""
    events = [json.loads(line) for log in event_logs.iterdir() for line in log.read_text().splitlines()]
    return sum(event["Event"] == "SparkListenerTaskStart" and event["Task Info"]["Speculative"] for event in events)


def test_a_task_that_runs_twice_at_once_leaves_each_row_once(tmp_path: Path) -> None:
    """Rows of a repeated task are asked about again, as Spark has it, but at most once; each stands once in the tables."""
    (tmp_path / "events").mkdir()
    settings = SETTINGS | {"spark.eventLog.dir": (tmp_path / "events").as_uri()}
    (tmp_path / "spark-defaults.conf").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    # One picture in forty keeps its task waiting, in its first attempt only.
    late = ModelFault("hang", share=0.025, times=1, duration_s=4)
    with (
        ImageServer() as host,
        ModelServer(latency=Latency(mean_s=0.1), faults=[late]) as model,
        standalone_cluster(workers=2, cores_each=1, on_hosts_of_their_own=True) as address,
    ):
        command = [sys.executable, str(JOB), str(tmp_path / "tables"), "iceberg", str(IMAGES), host.base_url, model.base_url]
        environment = {name: value for name, value in os.environ.items() if name != "PYSPARK_PYTHON"}
        environment["SPARK_CONF_DIR"] = str(tmp_path)
        ended = subprocess.run([*command, address], capture_output=True, text=True, env=environment, timeout=700, check=False)
        assert ended.returncode == 0, ended.stderr[-3000:]
        questions = model.stats()["requests"]
    found = json.loads(ended.stdout.strip().splitlines()[-1])
    for role in ("image_urls", "image_codes", "image_desc"):
        assert found[role] == [IMAGES, IMAGES], role
    assert found["report"]["describe"]["by_status"] == {"ok": IMAGES}
    assert repeated_tasks(tmp_path / "events") > 0
    print(f"{questions - IMAGES} questions of {IMAGES} asked again, {repeated_tasks(tmp_path / 'events')} tasks repeated")
    assert IMAGES <= questions <= 2 * IMAGES
