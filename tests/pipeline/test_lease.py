"""Two runs at once on the same tables."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from whole_jobs import check_one_row_each, fresh_tables, job

import picsum_vision as pv
from picsum_vision.spark import lease as lease_module
from picsum_vision.spark.lease import Holder, Lease, TableLease, holding_run
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


@pytest.mark.parametrize("store", ["iceberg", pytest.param("delta", marks=pytest.mark.soak)], indirect=True)
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


def test_runs_of_new_and_old_tables_print_no_stack_trace(spark, store, image_server):
    """A table that is not there yet is no error: pyspark's logger, which prints Java's stack, has nothing to say."""
    printed: list[str] = []
    loggers = pytest.importorskip("pyspark.logger", reason="older Sparks have no such logger")
    logger, handler = loggers.PySparkLogger.getLogger("SQLQueryContextLogger"), logging.Handler()
    handler.emit = lambda record: printed.append(record.getMessage())
    logger.addHandler(handler)
    try:
        for images in (2, 3):
            pv.run_pipeline(spark, job(store.tables, image_server, images=images))
    finally:
        logger.removeHandler(handler)
    assert printed == []


def test_a_run_refuses_in_one_line(spark, store, image_server):
    """With when_busy="refuse" a run ends at once, names the other one and what helps, and touches nothing."""
    with Lease(store, "elsewhere", lasts_s=60).take(wait=False):
        with pytest.raises(pv.TableProblem, match="run elsewhere is at work") as caught:
            pv.run_pipeline(spark, job(store.tables, image_server, when_busy="refuse"))
        assert "\n" not in str(caught.value)
        assert store.read("image_urls").count() == 0
    assert pv.run_pipeline(spark, job(store.tables, image_server, images=2, when_busy="refuse")).rows == 2


def test_a_lease_that_ran_out_is_taken_over_and_its_holder_told(store):
    """A run that did not renew its lease loses it to the next one, and hears of it at its next step."""
    slow = Lease(store, "elsewhere", lasts_s=0.4).take(wait=False)
    slow._ended.set()
    slow._renewing.join()
    time.sleep(0.5)
    with Lease(store, "next").take(wait=False), pytest.raises(pv.TableProblem, match="could not renew its lease"):
        slow.check()


def test_a_lease_is_renewed_while_its_run_is_at_work(store):
    """A run keeps its lease beyond the time that one lasts."""
    with Lease(store, "elsewhere", lasts_s=4).take(wait=False) as _:
        time.sleep(6)
        with pytest.raises(pv.TableProblem, match="at work"):
            Lease(store, "next").take(wait=False)


def test_a_renewal_that_fails_is_tried_again(store, monkeypatch):
    """A catalog that does not answer for a moment costs no run its lease."""
    lease = Lease(store, "elsewhere", lasts_s=12).take(wait=False)
    failures = [ConnectionError("the catalog is busy")] * 2
    renew = TableLease._set_until

    def sometimes(self: TableLease, until_us: int) -> None:
        if failures and until_us:
            raise failures.pop()
        renew(self, until_us)

    monkeypatch.setattr(TableLease, "_set_until", sometimes)
    with lease as _:
        time.sleep(14)
        assert not failures
        lease.check()
        with pytest.raises(pv.TableProblem, match="at work"):
            Lease(store, "next").take(wait=False)


def test_who_slept_through_its_lease_publishes_nothing(spark, store, monkeypatch):
    """A run whose lease ran out while it stood still sees before its next commit that another has the tables."""
    with ImageServer() as images:
        take = Lease.take

        def overtaken(self: Lease, **settings) -> Lease:
            lease = take(self, **settings)
            monkeypatch.setattr(Lease, "take", take)
            lease._ended.set()  # its thread sleeps, too
            lease._until = 0
            store.sql("lease", f"UPDATE {store.name('image_codes_lease')} SET owner = 'another'")  # noqa: S608 - escaped
            TableLease(store, "image_codes", "another")._set_until(time.time_ns())
            return lease

        monkeypatch.setattr(Lease, "take", overtaken)
        with pytest.raises(pv.TableProblem, match="could not renew its lease"):
            pv.run_pipeline(spark, job(store.tables, images, images=4))
    assert store.read("image_codes").count() == 0


@pytest.fixture
def two_views(spark, tmp_path) -> list[TableStore]:
    """Give one set of tables as two sessions see it that each keep tables in memory, as Iceberg's catalogs do by default."""
    schema = f"s_{uuid.uuid4().hex[:8]}"
    for view in ("first", "second"):
        prefix = f"spark.sql.catalog.{view}_{schema}"
        spark.conf.set(prefix, "org.apache.iceberg.spark.SparkCatalog")
        spark.conf.set(f"{prefix}.type", "hadoop")
        spark.conf.set(f"{prefix}.warehouse", f"{tmp_path}/warehouse")
    stores = [TableStore(spark, pv.Tables(catalog=f"{view}_{schema}", schema=schema)) for view in ("first", "second")]
    for store in stores:
        store.make_missing()
    return stores


def test_a_catalog_that_keeps_tables_in_memory_hides_no_renewal(two_views):
    """Who waits for a lease sees that it is renewed, whatever its own catalog remembers."""
    first, second = two_views
    with Lease(first, "elsewhere", lasts_s=3).take(wait=False) as _:
        give_up_s = time.monotonic() + 6
        while time.monotonic() < give_up_s:
            with pytest.raises(pv.TableProblem, match="at work"):
                Lease(second, "next").take(wait=False)
            time.sleep(0.3)


def test_a_catalog_that_keeps_tables_in_memory_hides_no_rows(spark, two_views):
    """What another session has done meanwhile is not asked for again, though this one had the tables open before."""
    first, second = two_views
    assert second.read("image_codes").count() == 0
    with ImageServer() as images:
        pv.run_pipeline(spark, job(first.tables, images, images=6, start=1))
        again = pv.run_pipeline(spark, job(second.tables, images, images=6, start=1))
        assert images.stats()["requests"] == 2 * 6
    assert again.download.skipped == 6
    check_one_row_each(spark, second.tables, 6)


def test_the_lease_of_a_process_that_was_killed_here_is_free_at_once(store):
    """On the same machine nobody waits for a lease whose process has ended."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    lease = Lease(store, "killed", lasts_s=600).take(wait=False)
    for table in ("image_codes_lease", "image_desc_lease", "image_urls_lease"):
        store.sql(table, f"UPDATE {store.name(table)} SET process = '{process_mark(child.pid)}'")  # noqa: S608 - escaped
    with pytest.raises(pv.TableProblem, match="run killed"):
        Lease(store, "next").take(wait=False)
    child.kill()
    child.communicate()
    with Lease(store, "next").take(wait=False):
        assert not lease._renew_or_lose()
    lease._ended.set()


def test_a_number_that_another_process_has_now_is_not_taken_for_the_first():
    """A process is known by its number and its start, and nothing is said of other machines' processes."""
    mine = process_mark()
    assert not is_gone(machine_digest(), mine)
    assert is_gone(machine_digest(), f"{os.getpid()}:1")
    assert not is_gone("another", f"{os.getpid()}:1")
    assert not is_gone(machine_digest(), None)


@pytest.mark.parametrize("store", ["iceberg", "delta"], indirect=True)
def test_a_lease_table_without_a_row_is_free(spark, store):
    """Where somebody has deleted the lease's row nobody holds it: it can be asked for, and the next run has it again."""
    with Lease(store, "first").take(wait=False):
        pass
    spark.sql(f"DELETE FROM {store.name('image_codes_lease')}")  # noqa: S608 - escaped
    assert holding_run(store) is None
    with Lease(store, "second").take(wait=False):
        assert holding_run(store) == "second"
    assert [row.owner for row in store.read("image_codes_lease").collect()] == ["second"]


def test_a_lease_that_cannot_be_given_back_hides_nothing(store, monkeypatch):
    """What ended a run is what is raised, also where the catalog does not answer any more when the lease is given back."""

    def gone(lease, until_us):
        raise ConnectionRefusedError

    def ends_after_its_catalog():
        with Lease(store, "unlucky").take(wait=False):
            monkeypatch.setattr(TableLease, "_set_until", gone)
            raise ValueError("the first")

    with pytest.raises(ValueError, match="the first"):
        ends_after_its_catalog()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ConnectionError("the catalog is busy")])
def test_who_is_stopped_while_taking_the_lease_holds_nobody_up(store, monkeypatch, error):
    """After a claim Ctrl-C and errors leave nothing to wait for; of errors that holds everywhere."""

    def stopped(self: TableLease, until_us: int) -> bool:
        claim(self, until_us)
        raise error

    claim = TableLease.claimed
    with monkeypatch.context() as patch:
        patch.setattr(TableLease, "claimed", stopped)
        with pytest.raises(type(error)):
            Lease(store, "stopped").take(wait=False)
    if isinstance(error, Exception):
        monkeypatch.setattr(lease_module, "_interrupted", set())  # as another process sees it
    assert holding_run(store) is None
    with Lease(store, "next").take(wait=False):
        assert holding_run(store) == "next"


def out_of_time(store: TableStore) -> Lease:
    """Let a run's lease run out without being renewed; its next renewal would last."""
    slow = Lease(store, "elsewhere", lasts_s=0.4).take(wait=False)
    slow._ended.set()
    slow._renewing.join()
    time.sleep(0.5)
    slow._lasts_s = 60
    return slow


def test_a_renewal_between_looking_and_claiming_goes_first(store, monkeypatch):
    """Whoever finds a lease run out, and its holder awake again before the claim is in, steps back; one of them has it."""
    slow = out_of_time(store)
    look = TableLease.holder

    def renewed_meanwhile(self: TableLease) -> Holder:
        found = look(self)
        monkeypatch.setattr(TableLease, "holder", look)
        assert slow._renew_or_lose()
        return found

    monkeypatch.setattr(TableLease, "holder", renewed_meanwhile)
    with pytest.raises(pv.TableProblem, match="run elsewhere is at work"):
        Lease(store, "next").take(wait=False)
    slow.check()
    assert holding_run(store) == "elsewhere"


def test_a_renewal_that_comes_after_a_claim_is_none(store, monkeypatch):
    """A holder that looked before another run's claim, and renews after it, hears that it has lost; the other one goes on."""
    slow, following, write = out_of_time(store), Lease(store, "next"), TableLease._set_until

    def overtaken(self: TableLease, until_us: int) -> None:
        monkeypatch.setattr(TableLease, "_set_until", write)
        following.take(wait=False)
        write(self, until_us)

    monkeypatch.setattr(TableLease, "_set_until", overtaken)
    assert not slow._renew_or_lose()
    with pytest.raises(pv.TableProblem, match="could not renew its lease"):
        slow.check()
    assert holding_run(store) == "next"
    with following:
        assert following._renew_or_lose()
        following.check()
