"""The suite in the other kinds of session, by its command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from clusters import standalone_cluster

pytestmark = [pytest.mark.spark, pytest.mark.soak]


def bench(folder: Path, *words: str) -> dict[str, Any]:
    """Measure six images once and return the printed object."""
    script = "from picsum_vision.cli import main; main()"
    quick = ["--sizes", "6", "--repeats", "1", "--image-latency-mean", "0.01", "--model-latency-mean", "0.01", "--json"]
    command = [sys.executable, "-c", script, "bench", *quick, "--output", str(folder), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, cwd=folder)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def all_ok(found: dict[str, Any]) -> bool:
    (repeat,) = found["sizes"][0]["repeats"]
    return [figures["rows_ok"] for figures in repeat.values()] == [6, 6, 6, 6] and "problem" not in found["tracking"]


def test_spark_connect(tmp_path):
    """Over Spark Connect everything is measured, CPU and memory too where its server runs below this process."""
    found = bench(tmp_path, "--remote", "local[2]")
    assert all_ok(found)
    assert found["environment"]["session"] == "connect"
    assert found["notebook"]["seconds"].keys() == {"download", "describe"}


def test_a_standalone_cluster(tmp_path):
    """On a cluster of other processes the suite measures all but CPU and memory, and says why not those."""
    with standalone_cluster() as address:
        found = bench(tmp_path, "--master", address)
    assert all_ok(found)
    assert found["environment"]["tasks_at_once"] == 2
    assert found["environment"]["processes"] == "the workers are no processes of this session"
    assert found["sizes"][0]["repeats"][0]["download"]["cpu_seconds"] is None
