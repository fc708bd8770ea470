"""Where the Python workers of a session are, as far as that is known."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def workers_are_here(spark: SparkSession) -> bool:
    """Return whether the workers are processes of this session on this machine, as with a master `local[...]`."""
    if ".connect." in type(spark).__module__:
        return "SPARK_LOCAL_REMOTE" in os.environ
    return str(spark.conf.get("spark.master", "")).startswith("local")
