"""Iceberg tables in a catalog that is a database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

JOB = Path(__file__).parent.parent / "jobs" / "jdbc_job.py"


@pytest.mark.spark
@pytest.mark.slow
def test_a_catalog_in_a_database(tmp_path):
    """The job runs, and a second time asks for nothing, where the catalog is reached by JDBC; no staged file is left."""
    ended = subprocess.run(
        [sys.executable, str(JOB), str(tmp_path)],
        env={name: value for name, value in os.environ.items() if name != "PYSPARK_PYTHON"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    found = json.loads(ended.stdout.strip().splitlines()[-1])
    assert found["first"]["describe"]["by_status"] == {"ok": 27, "no_image": 3}
    assert (found["asked_again"], found["second"]["describe"]["skipped"]) == (0, 30)
    assert found["rows"] == {"image_urls": 30, "image_codes": 30, "image_desc": 30, "image_runs": 2}
    assert not list(tmp_path.glob("warehouse/**/image_codes_staged_*/**/*.parquet"))
