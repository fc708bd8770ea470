"""What a suite records beside its figures: where it ran, with the versions of what works there, and what was set."""

from __future__ import annotations

import dataclasses
import os
import platform
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final

from picsum_vision._version import __version__
from picsum_vision.redaction import redact_url
from picsum_vision.sizing.model import is_fused
from picsum_vision.sizing.settings import SizingConfig
from picsum_vision.sizing.target import Target
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
_PLAIN: Final = (str, bool, int, float, type(None))


def environment(spark: SparkSession) -> dict[str, Any]:
    """Return what a later reader needs to know of where the figures come from; no host's name, no user's name."""
    installed = {each.metadata["Name"].lower(): each.version for each in metadata.distributions() if each.metadata["Name"]}
    return {
        "picsum_vision": __version__,
        "spark": spark.version,
        "session": "connect" if ".connect." in type(spark).__module__ else "classic",
        "tasks_at_once": tasks_at_once(spark),
        "spark_settings": {name: value for name in _SPARK_SETTINGS if (value := session_setting(spark, name))},
        "driver": {
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}",
            "cores": os.cpu_count(),
            "memory_mib": machine_memory_bytes() // _MIB,
            "databricks_runtime": os.environ.get("DATABRICKS_RUNTIME_VERSION"),
        },
        "libraries": {name: installed[name] for name in _LIBRARIES if name in installed},
    }


def settings_of(config: SizingConfig, target: Target, tasks: int) -> dict[str, Any]:
    """Return what a reader needs to compare two suites; no secret, no password of an address."""
    download, describe, backend = config.download_options, config.describe_options, target.backend
    demand = {
        "image_latency_s": target.image_latency_s,
        "model_latency_s": target.model_latency_s,
        "tasks": config.tasks_of(tasks),
        "latency_sigma": config.latency_sigma,
        "download_in_flight_per_task": download.max_in_flight_per_task,
        "describe_in_flight_per_task": describe.max_in_flight_per_task,
        "requests_per_second_per_host": download.requests_per_second_per_host_total,
        "requests_per_minute": describe.requests_per_minute_total,
        "tokens_per_minute": describe.tokens_per_minute_total,
        "window_bytes_per_task": download.window_bytes_per_task,
        "max_payload_bytes": describe.max_payload_bytes,
        "checkpoint_interval_s": config.checkpoint_interval_s,
        "is_fused": is_fused(type(backend)),
    }
    return {
        "sizes": list(config.sizes),
        "repeats": config.repeats,
        "stages": list(config.stages),
        "partitions": config.partitions or tasks,
        "by": config.by,
        "picture": f"{config.width} x {config.height}",
        "task": config.task.name,
        "prompt_sha256": config.task.prompt_sha256,
        "deduplicate": describe.deduplicate,
        # Texts of a backend are addresses, names and places, which may hold a password; headers, whose values may be keys, are
        # no plain fields.
        "backend": {
            "kind": type(backend).__name__,
            "model": redact_url(backend.model_name),
            **_fields(backend, (bool, int, float)),
        },
        "download": _fields(download, _PLAIN),
        "describe": _fields(describe, _PLAIN),
        "target": target.described(),
        "own_servers": {"images": config.own_images, "model": config.own_model},
        "demand": demand,
    }


def _fields(value: Any, kinds: tuple[type[Any], ...]) -> dict[str, Any]:
    values = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return {name: found for name, found in values.items() if isinstance(found, kinds)}
