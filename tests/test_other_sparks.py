"""The main job from a plain Python file, on a standalone cluster and on Spark Connect."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from clusters import standalone_cluster

JOB = Path(__file__).parent / "jobs" / "main_job.py"


def main_job(folder: Path, kind: str, address: str) -> dict[str, Any]:
    """Run the file in a process of its own: a process holds one kind of session."""
    ended = subprocess.run(
        [sys.executable, str(JOB), str(folder), kind, address],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "PYSPARK_PYTHON"},
        capture_output=True,
        text=True,
        timeout=700,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    return json.loads(ended.stdout.strip().splitlines()[-1])


def check(found: dict[str, Any]) -> None:
    assert found["first"]["rows"] == 30
    assert found["first"]["download"]["by_status"] == {"ok": 27, "http_error": 3}
    assert found["first"]["describe"]["by_status"] == {"ok": 27, "no_image": 3}
    assert found["rows"] == [30, 30, 27]
    assert found["requests"] == 2 * 27 + 3
    assert found["asked_again"] == 0
    assert found["second"]["download"]["skipped"] == 30
    assert any(0 < rows < 30 for rows in found["seen_done"]), "the job says how far it is while it runs"
    assert found["seen_done"][-1] == 30
    assert not {name: said for name, said in found["diagnosis"].items() if said[0] == "failure"}
    assert found["diagnosis"]["worker egress"][0] == "ok"


@pytest.mark.spark
def test_a_standalone_cluster_of_two_workers(tmp_path):
    """On a master with two workers every row gets its outcome once, and a second run asks for nothing."""
    with standalone_cluster(workers=2, cores_each=1) as address:
        found = main_job(tmp_path, "master", address)
    check(found)
    assert "connect" not in found["session"]


@pytest.mark.spark
@pytest.mark.usefixtures("connect_port")
def test_spark_connect(tmp_path):
    """The same file runs on Spark Connect, where there is no driver of one's own."""
    found = main_job(tmp_path, "remote", "local[2]")
    check(found)
    assert "connect" in found["session"]
