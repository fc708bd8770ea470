"""Which one of the tasks that run together this task is."""

from __future__ import annotations

from pyspark import TaskContext


def turn_of_task(share: float) -> float:
    """Return the task's turn among those that have a `share` each: 0, share, 2 * share, ... below 1; 0 outside of a task.

    Spark begins with the first partitions, so tasks that begin together have turns of their own.
    """
    context = TaskContext.get()
    together = round(1 / share)
    return 0.0 if context is None else context.partitionId() % together / together
