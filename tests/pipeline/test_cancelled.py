"""Who cancels what began a job, ends the job's requests, and the next run goes on from there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from whole_jobs import LOCAL, check_one_row_each, fresh_tables, job

import picsum_vision as pv
from picsum_vision.spark.lease import holding_run
from picsum_vision.spark.tables import TableStore
from picsum_vision.testing.image_server import ImageServer
from picsum_vision.testing.model_server import ModelFault, ModelServer

pytestmark = pytest.mark.spark
JOB = Path(__file__).parent.parent / "jobs" / "cancelled_job.py"
# Far beyond what a test waits: who does not hear of the end is still asking then.
NEVER_S = 200
ASKING = pv.DescribeOptions(request_timeout_s=NEVER_S)


@pytest.fixture
def silent_model() -> Iterator[ModelServer]:
    """Serve a model that answers half of the questions, and the others never."""
    with ModelServer(faults=[ModelFault("hang", share=0.5, duration_s=NEVER_S)]) as model:
        yield model


def until(condition: Callable[[], bool], within_s: float = 60) -> None:
    give_up_at_s = time.monotonic() + within_s
    while not condition() and time.monotonic() < give_up_at_s:
        time.sleep(0.1)
    assert condition()


def check_silence(model: ModelServer) -> None:
    """Wait until no request is open, and assert that none follows."""
    until(lambda: model.stats()["in_flight"] == 0, within_s=30)
    asked = model.stats()["requests"]
    time.sleep(1)
    assert (model.stats()["in_flight"], model.stats()["requests"]) == (0, asked)


def finish(spark, tables: pv.Tables, images: ImageServer) -> None:
    """Do the rest; the lease must be free at once."""
    with ModelServer() as model:
        backend = pv.ChatCompletions(model.base_url, "test-vision")
        report = pv.run_pipeline(spark, job(tables, images, start=1, backend=backend, when_busy="refuse"))
    assert report.describe.ok == 24
    check_one_row_each(spark, tables, 24)


@pytest.mark.parametrize("interrupt", [True, False], ids=["interrupted", "not interrupted"])
def test_a_cancelled_job_group_ends_the_run(spark, tmp_path, silent_model, image_server, interrupt):
    """The run ends with an error that says so, its requests end, and the next run has the lease and does the rest."""
    tables, group, errors = fresh_tables("iceberg", tmp_path), uuid.uuid4().hex, []
    settings = job(
        tables, image_server, start=1, backend=pv.ChatCompletions(silent_model.base_url, "test-vision"), describe=ASKING
    )

    def run() -> None:
        spark.sparkContext.setJobGroup(group, "a cell", interruptOnCancel=interrupt)
        try:
            pv.run_pipeline(spark, settings)
        except Exception as error:  # noqa: BLE001 - checked below
            errors.append(error)

    cell = threading.Thread(target=run)
    cell.start()
    until(lambda: silent_model.stats()["in_flight"] >= 6)
    spark.sparkContext.cancelJobGroup(group)
    check_silence(silent_model)
    cell.join(60)
    assert not cell.is_alive()
    assert [type(error) for error in errors] == [pv.JobCancelled]
    state, message = TableStore(spark, tables).read("image_runs").select("state", "message").collect()[0]
    assert (state, message) == ("failed", str(errors[0]))
    finish(spark, tables, image_server)


def test_all_that_a_run_makes_spark_do_is_its_callers(spark, tmp_path, image_server):
    """Every job of a run has the group, description and local properties of the thread that called it, and its pool."""
    context, group = spark.sparkContext, uuid.uuid4().hex
    store = context._jsc.sc().statusStore()

    def jobs() -> list[Any]:
        found = store.jobsList(None)
        return [found.apply(n) for n in range(found.size())]

    def run() -> None:
        context.setJobGroup(group, "a cell")
        context.setLocalProperty("spark.scheduler.pool", "mine")
        pv.run_pipeline(spark, job(fresh_tables("iceberg", tmp_path), image_server, images=4, start=1))

    before = {each.jobId() for each in jobs()}
    cell = threading.Thread(target=run)
    cell.start()
    cell.join()
    new = [each for each in jobs() if each.jobId() not in before]
    assert len(new) > 10
    told = {(each.jobGroup().toString(), each.description().toString()): each.name() for each in new}
    assert set(told) == {(f"Some({group})", "Some(a cell)")}, told
    stages = {each.stageIds().apply(n) for each in new for n in range(each.stageIds().size())}
    ran = [stage for stage in map(store.lastStageAttempt, stages) if stage.status().toString() == "COMPLETE"]
    assert {stage.schedulingPool() for stage in ran} == {"mine"}


def test_a_stopped_stream_ends_the_requests_of_its_micro_batch(spark, tmp_path, silent_model, image_server):
    """After `query.stop()` no request stays open and none follows, and the stream goes on where it was."""
    tables = fresh_tables("iceberg", tmp_path)
    store = TableStore(spark, tables)
    store.make_missing()
    urls = pv.generate_urls(spark, 24, start=1, width=64, height=48, base_url=image_server.base_url)
    store.append("image_urls", urls)
    backend = pv.ChatCompletions(silent_model.base_url, "test-vision")
    settings = pv.PipelineConfig(tables=tables, backend=backend, describe=ASKING, download=LOCAL, partitions=2)
    query = pv.run_stream(spark, settings, checkpoint_location=str(tmp_path / "checkpoint"), every="1 second")
    until(lambda: silent_model.stats()["in_flight"] >= 6)
    query.stop()
    check_silence(silent_model)
    until(lambda: holding_run(store) is None)
    finish(spark, tables, image_server)


@pytest.mark.slow
@pytest.mark.usefixtures("connect_port")
def test_interrupted_on_spark_connect(tmp_path):
    """An interrupted tag, and then all of a session interrupted, end a run's requests; the next run does the rest."""
    ended = subprocess.run(
        [sys.executable, str(JOB), str(tmp_path)],
        env={name: value for name, value in os.environ.items() if name != "PYSPARK_PYTHON"},
        capture_output=True,
        text=True,
        timeout=700,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    found = json.loads(ended.stdout.strip().splitlines()[-1])
    assert found["session"] == "pyspark.sql.connect.session"
    for how in ("interruptTag", "interruptAll"):
        assert found[how]["requests"] >= 6, how
        assert found[how]["in_flight"] == found[how]["requests_after"] == 0, how
        assert "JobCancelled" in found[how]["error"], how
    assert found["rows"] == [24, 24]
