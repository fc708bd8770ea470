"""Two runs at once on the same tables."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from whole_jobs import check_one_row_each, fresh_tables, job

import picsum_vision as pv
from picsum_vision.spark.lease import Lease
from picsum_vision.spark.tables import TableStore
from picsum_vision.spark.this_process import is_gone, machine_digest, process_mark
from picsum_vision.testing.image_server import ImageServer
from picsum_vision.testing.model_server import ModelServer

pytestmark = pytest.mark.spark


@pytest.fixture(params=["iceberg"])
def store(request, spark, tmp_path) -> TableStore:
    """Give fresh tables; a test that names other formats gets those."""
    made = TableStore(spark, fresh_tables(request.param, tmp_path))
    made.make_missing()
    return made


def hold_from_elsewhere(store: TableStore, *, lasts_s: float) -> Lease:
    """Let a run hold the tables of which nobody here can know whether it is alive."""
    lease = Lease(store, "elsewhere", lasts_s=lasts_s).take(wait=False)
    store.sql("lease", f"UPDATE {store.name('image_codes_lease')} SET machine = 'another'")  # noqa: S608 - escaped
    return lease


@pytest.mark.parametrize("store", ["iceberg", "delta"], indirect=True)
def test_two_runs_at_once_do_the_work_once(spark, store):
    """Of two runs started together one waits for the other: nothing is asked twice, no row is there twice, both say the same."""
    tables = store.tables
    with ImageServer() as images, ModelServer() as model, ThreadPoolExecutor(2) as threads:
        settings = job(tables, images, backend=pv.ChatCompletions(model.base_url, "test-vision"))
        runs = [threads.submit(pv.run_pipeline, spark.newSession(), settings) for _ in range(2)]
        first, second = (run.result() for run in runs)
        assert images.stats()["requests"] == 2 * 22 + 2
        assert model.stats()["requests"] == 22
    assert first.describe.by_status == second.describe.by_status
    assert {first.describe.skipped, second.describe.skipped} == {0, 24}
    check_one_row_each(spark, tables, 24)


def test_a_run_refuses_in_one_line(spark, store, image_server):
    """With when_busy="refuse" a run ends at once, names the other one and what helps, and touches nothing."""
    with hold_from_elsewhere(store, lasts_s=60):
        with pytest.raises(pv.TableProblem, match="run elsewhere is at work") as caught:
            pv.run_pipeline(spark, job(store.tables, image_server, when_busy="refuse"))
        assert "\n" not in str(caught.value)
        assert store.read("image_urls").count() == 0
    assert pv.run_pipeline(spark, job(store.tables, image_server, images=2, when_busy="refuse")).rows == 2


def test_a_lease_that_ran_out_is_taken_over_and_its_holder_told(store):
    """A run that did not renew its lease loses it to the next one, and hears of it at its next step."""
    slow = hold_from_elsewhere(store, lasts_s=0.4)
    slow._ended.set()
    slow._renewing.join()
    time.sleep(0.5)
    with Lease(store, "next").take(wait=False):
        slow._lost = slow._renewal_problem()
        with pytest.raises(pv.TableProblem, match="could not renew its lease"):
            slow.check()


def test_a_lease_is_renewed_while_its_run_is_at_work(store):
    """A run keeps its lease beyond the time that one lasts."""
    with hold_from_elsewhere(store, lasts_s=4) as _:
        time.sleep(6)
        with pytest.raises(pv.TableProblem, match="at work"):
            Lease(store, "next").take(wait=False)


def test_the_lease_of_a_process_that_was_killed_here_is_free_at_once(store):
    """On the same machine nobody waits for a lease whose process has ended."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    lease = Lease(store, "killed", lasts_s=600).take(wait=False)
    store.sql("lease", f"UPDATE {store.name('image_codes_lease')} SET process = '{process_mark(child.pid)}'")  # noqa: S608
    with pytest.raises(pv.TableProblem, match="run killed"):
        Lease(store, "next").take(wait=False)
    child.kill()
    child.communicate()
    with Lease(store, "next").take(wait=False):
        assert lease._renewal_problem() is not None
    lease._ended.set()


def test_a_number_that_another_process_has_now_is_not_taken_for_the_first():
    """A process is known by its number and its start, and nothing is said of other machines' processes."""
    mine = process_mark()
    assert not is_gone(machine_digest(), mine)
    assert is_gone(machine_digest(), f"{os.getpid()}:1")
    assert not is_gone("another", f"{os.getpid()}:1")
    assert not is_gone(machine_digest(), None)
