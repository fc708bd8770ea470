"""Many rows: the whole job with the memory of a local session, and finding what is missing among a million keys."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from pyspark.sql import functions as F

import picsum_vision as pv
from picsum_vision.pipeline.question import Question
from picsum_vision.pipeline.standing import Standing, Todo, Wanted
from picsum_vision.spark.tables import TableStore
from picsum_vision.testing.image_server import ImageServer

pytestmark = [pytest.mark.spark, pytest.mark.slow]

JOB = Path(__file__).parent.parent / "jobs" / "large_job.py"


def peak_memory(process: psutil.Process, done: threading.Event) -> dict[str, int]:
    """Return the largest resident memory of the JVM and of any Python process, in megabytes, until `done`."""
    peaks = {"jvm": 0, "python": 0}
    while not done.wait(0.5):
        for child in [process, *process.children(recursive=True)]:
            try:
                kind = (
                    "jvm" if "java" in Path(child.exe()).name else "python"
                )  # what Java starts has the name of a thread at first
                peaks[kind] = max(peaks[kind], child.memory_info().rss // 1_000_000)
            except psutil.NoSuchProcess:  # noqa: PERF203 - it has just ended
                continue
    return peaks


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_two_hundred_thousand_rows(tmp_path):
    """200,000 images of about 1 kB go through the whole job with a local session's own memory, each row once."""
    rows, done, peaks = 200_000, threading.Event(), {}
    with ImageServer() as host, (tmp_path / "log").open("wb") as log:
        command = [sys.executable, str(JOB), str(tmp_path / "tables"), str(rows), host.base_url]
        environment = {name: value for name, value in os.environ.items() if name != "PYSPARK_PYTHON"}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=environment)
        watcher = threading.Thread(target=lambda: peaks.update(peak_memory(psutil.Process(process.pid), done)))
        watcher.start()
        try:
            printed, _ = process.communicate()
        finally:
            done.set()
            watcher.join()
            process.kill()
        assert process.returncode == 0, (tmp_path / "log").read_text()[-3000:]
        requests = host.stats()["requests"]
    found = json.loads(printed.decode().strip().splitlines()[-1])
    print(f"{found}, peak memory in MB: {peaks}")
    assert found["rows"] == {"image_urls": [rows, rows], "image_codes": [rows, rows], "image_desc": [rows, rows]}
    assert found["report"]["describe"]["by_status"] == {"ok": rows}
    assert requests == 2 * rows


@pytest.mark.parametrize("rows", [2_000, pytest.param(1_000_000, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])])
def test_what_is_missing_is_known_without_reading_images(spark, rows):
    """Among so many keys a tenth is missing; no scan of the search has image_binary among the columns that it reads."""
    store = TableStore(spark, pv.Tables(schema=f"s_scale_{rows}"))
    store.make_missing()
    keys = spark.range(rows).select(F.concat(F.lit("https://host/"), F.col("id").cast("string")).alias("image_url"))
    outcome = "named_struct('status', 'ok', 'bytes', 1000L, 'finished_at', current_timestamp())"
    types = {field.name: field.dataType for field in store.read("image_codes").schema.fields}
    done = keys.where(F.xxhash64("image_url") % 10 != 0).withColumn(
        "image_binary", F.expr("unhex(repeat(sha2(image_url, 512), 8))")
    )
    json_outcome = F.from_json(F.to_json(F.expr(outcome)), types["download_outcome"])
    store.append("image_codes", done.withColumn("download_outcome", json_outcome))
    there = done.count()
    standing = Standing(store, keys, Wanted(question=Question.of(pv.PixelDescriber(), pv.Describe()), retry_before_us=1))
    began_s = time.monotonic()
    survey = standing.survey()
    print(f"what is missing among {rows:,} keys was known after {time.monotonic() - began_s:.1f} s")
    assert (survey.left(Todo.FETCH_AND_ASK), survey.left(Todo.ASK)) == (rows - there, there)
    for frame in (standing.rows(), store.missing_from("image_urls", keys), *(standing.keys(todo) for todo in Todo)):
        plan = frame._jdf.queryExecution().executedPlan().toString()
        assert "image_url" in plan
        assert "image_binary" not in plan
