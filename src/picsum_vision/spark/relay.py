"""One window over many tasks: what a task has not finished goes on, and the next task in the same process takes it over.

A pass over hosts and models ends with its commit. Without a relay each of its tasks would wait for its slowest request while the
other slots of its window stand empty, which with passes of five seconds is a third of the time.

States of a window: open (a task works with it) -> carried (no task; its requests go on) -> open, or closed. Invariants: a row
that a task hands on leaves in one of the next tasks of the same process, once; a window is in one task's hands at most; the last
leg hands nothing on. A process that ends takes what it carries along: those rows were never there, and are asked for again.
Where a task is run again, what its first attempt handed on comes twice: each row says which attempt has read it.
"""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
from pyspark import TaskContext

from picsum_vision.spark.bridge import ArrowBridge, OpenableStage
from picsum_vision.spark.conf import session_setting

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

READ_BY_COLUMN: Final = "read_by"
_FORGOTTEN_AFTER_S: Final = 600.0


@dataclasses.dataclass(frozen=True)
class Leg:
    """One pass of several over the same window, which `relay_id` names; `only_collects` if it brings no rows of its own."""

    relay_id: str
    number: int
    is_last: bool
    only_collects: bool = False


@dataclasses.dataclass(frozen=True)
class _Carried:
    bridge: ArrowBridge[Any]
    since_s: float


_carried: dict[str, _Carried] = {}


def can_relay(spark: SparkSession) -> bool:
    """Return whether a window may be handed on: the session's processes live on, and no task runs twice at once.

    Where that is not known (Databricks, Spark Connect's servers elsewhere) it may not.
    """
    is_elsewhere = ".connect." in type(spark).__module__ and "SPARK_LOCAL_REMOTE" not in os.environ
    if is_elsewhere or "DATABRICKS_RUNTIME_VERSION" in os.environ:
        return False
    reuses = session_setting(spark, "spark.python.worker.reuse") != "false"
    return reuses and session_setting(spark, "spark.speculation") != "true"


def relayed(leg: Leg, stage: OpenableStage, column: str, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield what the window finishes while this task's rows go into it."""
    _close_forgotten()
    carried = _carried.pop(leg.relay_id, None)
    bridge = ArrowBridge[Any](stage.open(), column) if carried is None else carried.bridge
    yield from bridge.process(_read_by(leg, batches), hand_on=not leg.is_last)
    if not leg.is_last:
        _carried[leg.relay_id] = _Carried(bridge, time.monotonic())


def _read_by(leg: Leg, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    context = TaskContext.get()
    # The number of an attempt begins anew with each attempt of a stage; this id does not.
    partition, attempt = (0, 0) if context is None else (context.partitionId(), context.taskAttemptId())
    mark = f"{leg.relay_id[:8]}/{leg.number}/{partition}/{attempt}"
    for batch in batches:
        marks = pa.array([mark] * batch.num_rows, pa.string())
        # Not `append_column`: a batch has that since pyarrow 16 only.
        schema = batch.schema.append(pa.field(READ_BY_COLUMN, pa.string()))
        yield pa.RecordBatch.from_arrays([*batch.columns, marks], schema=schema)


def _close_forgotten() -> None:
    """Let go of windows whose run was ended: on a cluster the process outlives it."""
    now_s = time.monotonic()
    for relay_id in [relay_id for relay_id, carried in _carried.items() if now_s - carried.since_s > _FORGOTTEN_AFTER_S]:
        _carried.pop(relay_id).bridge.close()
