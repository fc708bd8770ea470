"""Which one of the tasks that run together this task is."""

from __future__ import annotations

import sys


def turn_of_task(share: float) -> float:
    """Return the task's turn among those that have a `share` each: 0, share, 2 * share, ... below 1; 0 outside of a task.

    Spark begins with the first partitions, so tasks that begin together have turns of their own.
    """
    if "pyspark" not in sys.modules:
        return 0.0  # the engine without Spark, which need not even be installed
    from pyspark import TaskContext  # noqa: PLC0415 - the same

    context = TaskContext.get()
    together = round(1 / share)
    return 0.0 if context is None else context.partitionId() % together / together
