"""Jobs that share one of their tables: one at a time writes to it."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from whole_jobs import fresh_tables, job, rows_of

import picsum_vision as pv
from picsum_vision.spark import lease as lease_module
from picsum_vision.spark.lease import Lease, TableLease
from picsum_vision.spark.publishing import ONE_ANSWER
from picsum_vision.spark.staging import Staging
from picsum_vision.spark.tables import TableStore
from picsum_vision.spark.this_process import process_mark
from picsum_vision.table_columns import COLUMNS
from picsum_vision.testing.image_server import ImageServer
from picsum_vision.testing.model_server import ModelServer

pytestmark = pytest.mark.spark
FORMATS = ["iceberg", pytest.param("delta", marks=pytest.mark.soak)]


@pytest.fixture
def store(request, spark, tmp_path) -> TableStore:
    """Give fresh tables, of the format that the test is about."""
    made = TableStore(spark, fresh_tables(getattr(request, "param", "iceberg"), tmp_path))
    made.make_missing()
    return made


def sharing(store: TableStore, *shared: str, name: str = "a") -> TableStore:
    """Return the tables of another job, named so that they are claimed before those it shares, or after them."""
    own = {role: f"{name}_{role}" for role in COLUMNS if role not in shared}
    made = TableStore(store.spark, dataclasses.replace(store.tables, **own))
    made.make_missing()
    return made


@pytest.mark.parametrize("store", FORMATS, indirect=True)
@pytest.mark.parametrize("role", COLUMNS)
def test_a_job_refuses_a_table_that_another_one_writes(spark, store, role, image_server):
    """Whichever table two jobs share, the second one names it and its holder, and leaves no lease of its own behind."""
    other = sharing(store, role)
    settings = job(other.tables, image_server, images=2, when_busy="refuse")
    with Lease(store, "first").take(wait=False), pytest.raises(pv.TableProblem, match=f"[./]{role}: run first is at work"):
        pv.run_pipeline(spark, settings)
    assert rows_of(spark, other.tables, "image_codes") == []
    with Lease(sharing(other, *set(COLUMNS) - {role}, name="b"), "third").take(wait=False):
        pass  # its other tables are free


@pytest.mark.parametrize(
    ("store", "role"),
    [
        ("iceberg", "image_desc"),
        ("iceberg", "image_urls"),
        ("iceberg", "image_codes"),
        pytest.param("delta", "image_desc", marks=pytest.mark.soak),
    ],
    indirect=["store"],
)
def test_two_jobs_at_once_double_no_row_of_a_table_that_they_share(spark, store, role):
    """Two jobs over the same addresses with one table in common work one after the other, and both come to their end."""
    with ImageServer() as images, ModelServer() as model, ThreadPoolExecutor(2) as threads:
        backend = pv.ChatCompletions(model.base_url, "test-vision")
        stores = [store, sharing(store, role)]
        runs = [
            threads.submit(pv.run_pipeline, spark.newSession(), job(each.tables, images, images=6, start=1, backend=backend))
            for each in stores
        ]
        assert [run.result().describe.ok for run in runs] == [6, 6]
        assert images.stats()["requests"] == 2 * 6 * (1 if role == "image_codes" else 2)
        assert model.stats()["requests"] == 6 * (1 if role == "image_desc" else 2)
    for each in stores:
        for table in COLUMNS:
            addresses = [row.image_url for row in rows_of(spark, each.tables, table)]
            assert len(addresses) == len(set(addresses)) == 6, table


def test_jobs_that_share_tables_in_a_circle_all_come_to_their_turn(spark, store, monkeypatch):
    """Three jobs of which each shares a table with the next one never wait for each other, in whatever order they begin."""
    first = sharing(store, "image_urls", name="first")
    second = sharing(store, name="second")
    second = TableStore(spark, dataclasses.replace(second.tables, image_desc=first.tables.image_desc))
    third = TableStore(spark, dataclasses.replace(second.tables, image_desc="image_desc", image_urls="image_urls"))
    monkeypatch.setattr(lease_module, "_LOOK_AGAIN_S", 0.2)
    at_work: dict[str, str] = {}
    taken = threading.Barrier(3)

    def work(each: TableStore, name: str) -> int:
        taken.wait()
        for turn in range(2):
            run = f"{name}{turn}"
            with Lease(each, run).take(wait=True):
                tables = {getattr(each.tables, role) for role in COLUMNS}
                assert not tables & at_work.keys()
                at_work.update(dict.fromkeys(tables, run))
                for table in tables:
                    assert at_work.pop(table) == run
        return turn

    with ThreadPoolExecutor(3) as threads:
        turns = [threads.submit(work, each, f"run{number}-") for number, each in enumerate((first, second, third))]
        assert [turn.result(timeout=700) for turn in turns] == [1, 1, 1]


@pytest.mark.parametrize("store", FORMATS, indirect=True)
def test_the_tables_of_a_killed_job_are_free_for_whoever_shares_one(store):
    """A job that was killed on this machine holds up nobody, whichever of its tables another job shares."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    killed = Lease(store, "killed", lasts_s=600).take(wait=False)
    for role in COLUMNS:
        store.sql(role, f"UPDATE {store.name(f'{role}_lease')} SET process = '{process_mark(child.pid)}'")  # noqa: S608 - escaped
    child.kill()
    child.communicate()
    others = [sharing(store, role, name=role) for role in COLUMNS]
    for other in others:
        with Lease(other, "next").take(wait=False):
            pass
    killed._until = 0
    with pytest.raises(pv.TableProblem, match="could not renew its lease"):
        killed.check()
    killed._ended.set()


@pytest.mark.parametrize("store", FORMATS, indirect=True)
def test_answers_left_for_another_job_wait_for_its_table(spark, store, image_server):
    """Who finds answers of another job beside its images takes that job's table too, and waits where a third one writes to it."""
    theirs = sharing(store, "image_codes", "image_urls", name="z")
    images = spark.createDataFrame([("u", b"")], "image_url STRING, image_binary BINARY")
    ended = Staging(theirs, ONE_ANSWER, "e0" * 16)
    ended.write(ended.names[0], pv.describe(images, pv.PixelDescriber(), output_col="descrizione"))
    settings = job(store.tables, image_server, images=2, start=1, when_busy="refuse")
    third = sharing(theirs, "image_desc", name="y")
    with Lease(third, "third").take(wait=False), pytest.raises(pv.TableProblem, match="z_image_desc: run third is at work"):
        pv.run_pipeline(spark, settings)
    assert rows_of(spark, theirs.tables, "image_desc") == []
    seen = []
    publish = Staging.publish_left
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            Staging, "publish_left", lambda self: (seen.append(TableLease(store, "z_image_desc", "").holder()), publish(self))[1]
        )
        report = pv.run_pipeline(spark, settings)
    assert [holder.owner for holder in seen] == [report.run_id]
    assert [row.image_url for row in rows_of(spark, theirs.tables, "image_desc")] == ["u"]
    assert TableLease(store, "z_image_desc", "").holder().is_free()
