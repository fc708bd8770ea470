"""Where a suite ran: the cluster, Spark, Python and the versions of what works."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final

from picsum_vision._version import __version__
from picsum_vision.spark.conf import session_setting
from picsum_vision.spark.session_memory import machine_memory_bytes
from picsum_vision.spark.sharing import tasks_at_once

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_LIBRARIES: Final = (
    "aiohttp",
    "httptools",
    "matplotlib",
    "mlflow",
    "mlflow-skinny",
    "numpy",
    "pandas",
    "pillow",
    "psutil",
    "pyarrow",
)
# Asked one by one, for a session may know or tell only some of them.
_SPARK_SETTINGS: Final = (
    "spark.master",
    "spark.driver.memory",
    "spark.executor.memory",
    "spark.executor.cores",
    "spark.executor.instances",
    "spark.executor.memoryOverhead",
    "spark.databricks.clusterUsageTags.clusterName",
    "spark.databricks.clusterUsageTags.clusterNodeType",
    "spark.databricks.clusterUsageTags.clusterWorkers",
    "spark.databricks.clusterUsageTags.sparkVersion",
    "spark.sql.execution.arrow.maxRecordsPerBatch",
    "spark.sql.shuffle.partitions",
)
_MIB: Final = 1 << 20


def environment(spark: SparkSession) -> dict[str, Any]:
    """Return what a later reader needs to know of where the figures come from; no host's name, no user's name."""
    return {
        "picsum_vision": __version__,
        "spark": spark.version,
        "session": "connect" if ".connect." in type(spark).__module__ else "classic",
        "tasks_at_once": tasks_at_once(spark),
        "spark_settings": _spark_settings(spark),
        "driver": {
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}",
            "cores": os.cpu_count(),
            "memory_mib": machine_memory_bytes() // _MIB,
            "databricks_runtime": os.environ.get("DATABRICKS_RUNTIME_VERSION"),
        },
        "libraries": _versions(),
    }


def _spark_settings(spark: SparkSession) -> dict[str, str]:
    return {name: value for name in _SPARK_SETTINGS if (value := session_setting(spark, name))}


def _versions() -> dict[str, str]:
    installed = {each.metadata["Name"].lower(): each.version for each in metadata.distributions() if each.metadata["Name"]}
    return {name: installed[name] for name in _LIBRARIES if name in installed}
