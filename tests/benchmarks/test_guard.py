"""The guard against slowness: what is counted stays within the stored bounds, and a wasteful change is noticed."""

from __future__ import annotations

import os
import sys

import pytest

from benchmarks.guard.bounds import ENGINE_KINDS, RENEW, above, bounds_for, count_engine, read_bounds
from benchmarks.guard.job_work import job


@pytest.fixture(autouse=True)
def where_we_import_from(monkeypatch):
    """Let the guard's processes import the library from where this one does."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))


@pytest.mark.parametrize("kind", ENGINE_KINDS)
def test_a_row_costs_no_more_operations_than_it_did(kind):
    """Python calls, turns of the event loop and requests for each row are within the bounds."""
    assert above(kind, count_engine(kind), read_bounds()) == []


@pytest.mark.parametrize("kind", ENGINE_KINDS)
def test_a_wasteful_change_is_noticed(kind):
    """A hundred needless calls for each row are above the bound, and the message says what to do."""
    lines = above(kind, count_engine(kind, "benchmarks.guard.wasteful:more_calls", times=1), read_bounds())
    assert any("python_calls_per_row" in line and RENEW in line for line in lines)


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_job_makes_spark_do_no_more_than_it_did(spark):
    """Spark's jobs, the tables' commits and the requests of a small job, and of the same again, are within the bounds."""
    assert above("job", job(spark), read_bounds()) == []


def test_a_count_without_a_bound_is_no_success():
    """What is counted newly needs a bound before the guard is content; requests have no room, calls a little."""
    bounds = bounds_for({"kind": {"requests_per_row": 2.0, "python_calls_per_row": 100.0}})
    assert above("kind", {"requests_per_row": 2.0, "python_calls_per_row": 109.0}, bounds) == []
    assert len(above("kind", {"requests_per_row": 2.01, "python_calls_per_row": 116.0, "new": 1.0}, bounds)) == 3
