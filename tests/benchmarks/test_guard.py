"""The guard against slowness: what is counted stays within the stored bounds, and a wasteful change is noticed."""

from __future__ import annotations

import os
import sys

import pytest

from benchmarks.guard.bounds import ENGINE_KINDS, RENEW, bounds_for, count_engine, outside, read_bounds
from benchmarks.guard.job_work import job


@pytest.fixture(autouse=True)
def where_we_import_from(monkeypatch):
    """Let the guard's processes import the library from where this one does."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))


@pytest.mark.parametrize("kind", ENGINE_KINDS)
def test_a_row_costs_no_more_operations_than_it_did(kind):
    """Python calls, turns of the event loop and requests for each row are within the bounds."""
    assert outside(kind, count_engine(kind), read_bounds()) == []


@pytest.mark.parametrize("kind", ENGINE_KINDS)
@pytest.mark.parametrize(("change", "figure"), [("more_calls", "python_calls_per_row"), ("more_lines", "python_lines_per_row")])
def test_a_wasteful_change_is_noticed(kind, change, figure):
    """Needless calls, or a loop that calls nothing, for each row are above the bound, and the message says what to do."""
    lines = outside(kind, count_engine(kind, f"benchmarks.guard.wasteful:{change}", times=1), read_bounds())
    assert any(figure in line and RENEW in line for line in lines)


def test_work_that_vanished_from_sight_is_no_success():
    """A figure that is not counted any more, or half as high as it was, is not taken for less work."""
    bounds = bounds_for({"kind": {"requests_per_row": 2.0, "python_calls_per_row": 100.0}})
    assert len(outside("kind", {"requests_per_row": 2.0}, bounds)) == 1
    assert len(outside("kind", {"requests_per_row": 0.0, "python_calls_per_row": 49.0}, bounds)) == 2
    assert outside("kind", {"requests_per_row": 2.0, "python_calls_per_row": 51.0}, bounds) == []


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_job_makes_spark_do_no_more_than_it_did(spark):
    """Spark's jobs, the tables' commits and the requests of a small job, and of the same again, are within the bounds."""
    assert outside("job", job(spark), read_bounds()) == []


def test_a_count_without_a_bound_is_no_success():
    """What is counted newly needs a bound before the guard is content; requests have no room, calls a little."""
    bounds = bounds_for({"kind": {"requests_per_row": 2.0, "python_calls_per_row": 100.0}})
    assert outside("kind", {"requests_per_row": 2.0, "python_calls_per_row": 109.0}, bounds) == []
    assert len(outside("kind", {"requests_per_row": 2.01, "python_calls_per_row": 116.0, "new": 1.0}, bounds)) == 3
