"""What a session tells of itself: its settings, as far as the platform gives them away, and where its workers are."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def session_setting(spark: SparkSession, name: str, default: str = "") -> str:
    """Return a setting's value, `default` where it has none or the platform does not tell it.

    Serverless raises for every setting that is not on its list, with a default too.
    """
    from pyspark.errors import PySparkException  # noqa: PLC0415 - Spark is optional

    try:
        value = spark.conf.get(name, None)
    except PySparkException:
        return default
    return default if value is None else str(value)


def workers_are_here(spark: SparkSession) -> bool:
    """Return whether the workers are processes of this session on this machine, as with a master `local[...]`."""
    if ".connect." in type(spark).__module__:
        return "SPARK_LOCAL_REMOTE" in os.environ
    return session_setting(spark, "spark.master").startswith("local")
