"""Exports where the client has neither the workers nor their folders."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from picsum_vision.exporting.staging import MANIFEST

JOB = Path(__file__).parents[1] / "jobs" / "export_job.py"


@pytest.mark.spark
@pytest.mark.usefixtures("connect_port")
def test_spark_connect(tmp_path):
    """On Spark Connect each layout is written and finished, a second export is refused in one line, and images become columns."""
    environment = {name: value for name, value in os.environ.items() if name != "PYSPARK_PYTHON"}
    words = [sys.executable, str(JOB), str(tmp_path), "remote", "local[2]"]
    ended = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=700, check=False)
    assert ended.returncode == 0, ended.stderr[-3000:]
    found = json.loads(ended.stdout.strip().splitlines()[-1])
    assert "connect" in found["session"]
    assert found["images"] == [11] * 3
    assert found["left_out"] == [{"http_error": 1}] * 3
    assert "is not empty" in found["refused"]
    assert found["rows"] == [11, 11]
    for layout in ("webdataset", "huggingface", "files"):
        assert json.loads((tmp_path / layout / MANIFEST).read_text(encoding="utf-8"))["images"] == 11
