"""Threads of the driver that work with Spark: what they begin belongs to whoever began them.

Job group, tags, description and scheduler pool are a thread's, and a new thread has none of them: who cancels a notebook's cell,
a query or a tag would not reach the requests that such a thread has begun.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from pyspark.util import inheritable_thread_target

from picsum_vision.spark.session_running import is_connect

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Spark's words for a job group, a tag (also of Spark Connect), and a query that was stopped.
_CANCELLED: Final = re.compile(r"\bJob \d+ cancelled\b|OPERATION_CANCELED|InterruptedException")
P = ParamSpec("P")
Result = TypeVar("Result")


def inheriting(spark: SparkSession, work: Callable[P, Result]) -> Callable[P, Result]:
    """Return `work` for another thread, where its jobs have the group, tags, description and pool that this thread has now."""
    if is_connect(spark):
        return _tagged(spark, work)
    if spark.version.startswith("3."):
        return inheritable_thread_target(work)  # a session has no tags yet
    inherit: Any = inheritable_thread_target(spark)
    # With PYSPARK_PIN_THREAD=false, where all threads share those of the JVM, the session itself comes back.
    return inherit(work) if callable(inherit) else work


def is_cancellation(error: BaseException) -> bool:
    """Return whether somebody has cancelled what ended with this error."""
    return _CANCELLED.search(str(error)) is not None


def _tagged(spark: SparkSession, work: Callable[P, Result]) -> Callable[P, Result]:
    # By hand: Spark 3.5's own wrapper knows nothing of Spark Connect.
    tags = spark.getTags()

    @functools.wraps(work)
    def tagged(*args: P.args, **named: P.kwargs) -> Result:
        for tag in tags:
            spark.addTag(tag)
        return work(*args, **named)

    return tagged
