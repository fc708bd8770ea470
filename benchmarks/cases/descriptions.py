"""What the cases with a model share: its conditions, and the contestants as each case sets them."""

from __future__ import annotations

from typing import Any, Final

from benchmarks.cases.downloads import SESSION, TASKS
from benchmarks.harness.case import Contestant, Server

NOTEBOOK_ROWS: Final = 30
NEW_WORKERS: Final[dict[str, Any]] = {**SESSION, "conf": {"spark.python.worker.reuse": "false"}}
# The image server leads many seeds to the same picture: shared answers would make one contestant's work less than another's.
EVERY_ROW: Final[dict[str, Any]] = {"deduplicate": False}


def model(**settings: Any) -> Server:
    """Return a model server whose answers take a second, lognormally, unless told otherwise."""
    return Server(kind="model", settings={"latency": {"mean_s": 1.0}, **settings})


def bare(in_flight: int) -> Contestant:
    """Return aiohttp alone."""
    what = f"aiohttp alone, one process, {in_flight} workers, the images in its memory"
    return Contestant(name="bare", module="bare_ask", what=what, order={"in_flight": in_flight})


def spark(
    name: str,
    options: dict[str, Any],
    what: str,
    *,
    tasks: int = TASKS,
    session: dict[str, Any] | None = None,
    warm_rows: int = 0,
) -> Contestant:
    """Return the library's `describe`; its workers have been asked about `warm_rows` rows just before."""
    return Contestant(
        name=name,
        module="spark_describe",
        what=f"`describe` in Spark, {tasks} tasks, {what}, to noop",
        session=session or SESSION,
        order={"options": options, "partitions": tasks, "warm_rows": warm_rows},
    )


def daft(name: str, in_flight: int | None) -> Contestant:
    """Return Daft's `prompt`, as it is or row by row."""
    how = "as it is" if in_flight is None else f"into_batches(1), concurrency={in_flight}"
    return Contestant(
        name=name,
        module="daft_prompt",
        what=f"Daft's `prompt`, {how}, each time in a new process: in one that has asked before it may not come to an end",
        environment="daft",
        order={"in_flight": in_flight},
        is_fresh=True,
    )


def openaivec(in_flight_per_task: int) -> Contestant:
    """Return openaivec's Spark function, through the Responses API."""
    how = f"batch_size=1, max_concurrency={in_flight_per_task}"
    return Contestant(
        name="openaivec",
        module="openaivec_ask",
        what=f"openaivec's `responses_udf` in Spark, {TASKS} tasks, {how}, images as files on disk, each task in a new process "
        "(in one that has asked before its event loop is closed), to noop",
        environment="openaivec",
        session=NEW_WORKERS,
        order={"in_flight_per_task": in_flight_per_task, "partitions": TASKS},
    )


def notebook() -> Contestant:
    """Return a UDF with one request at a time, on fewer rows."""
    return Contestant(
        name="one_at_a_time",
        module="notebook_ask",
        what=f"a UDF with `requests`, {TASKS} tasks, one request at a time each, on {NOTEBOOK_ROWS} rows only",
        session=SESSION,
        order={"partitions": TASKS},
        rows=NOTEBOOK_ROWS,
    )
