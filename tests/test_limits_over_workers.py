"""The bounds of a whole job hold over the workers of a cluster, as the servers count."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from clusters import standalone_cluster

JOB = Path(__file__).parent / "jobs" / "limited_job.py"
ROWS = 160


@pytest.mark.spark
def test_two_workers_share_the_bounds_of_a_job(tmp_path):
    """On two workers a host and a model that grant just the stated bounds refuse at most 2 % of them, and every row is ok."""
    with standalone_cluster(workers=2, cores_each=1) as address:
        ended = subprocess.run(
            [sys.executable, str(JOB), str(tmp_path), address],
            cwd=tmp_path,
            env={name: value for name, value in os.environ.items() if name != "PYSPARK_PYTHON"},
            capture_output=True,
            text=True,
            timeout=700,
            check=False,
        )
    assert ended.returncode == 0, ended.stderr[-3000:]
    found = json.loads(ended.stdout.strip().splitlines()[-1])
    assert found["executors"] == 2
    for stage, requests_per_row in (("download", 2), ("describe", 1)):
        assert found[stage]["ok"] == ROWS, found
        assert found[stage]["refused"] <= 0.02 * requests_per_row * ROWS, found
        assert found[stage]["requests"] == requests_per_row * ROWS + found[stage]["refused"], found
