"""Where a suite is measured and how: against whom, on what cluster, with what versions and settings.

Against servers of our own with a stated latency, or a real image host and a real model.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import platform
from collections.abc import Iterator
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from picsum_vision._version import __version__
from picsum_vision.describing.backends import Backend, ChatCompletions
from picsum_vision.errors import PortInUse, SettingError
from picsum_vision.redaction import redact_url
from picsum_vision.sizing.model import is_fused, limits_of
from picsum_vision.sizing.process_tree import why_not_measured
from picsum_vision.sizing.settings import SizingConfig
from picsum_vision.spark.conf import session_setting
from picsum_vision.spark.session_memory import machine_memory_bytes
from picsum_vision.spark.sharing import tasks_at_once
from picsum_vision.testing.image_server import ImageServer, RateLimit
from picsum_vision.testing.latency import Latency
from picsum_vision.testing.model_server import ModelServer

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_MODEL: Final = "test-vision"
_HOPS: Final = 2
_OWN: Final = "servers of this suite"
_LIBRARIES: Final = (
    "aiohttp",
    "pycurl",
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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Target:
    """Where images come from and who is asked. Latencies are None where nobody has stated them."""

    base_url: str
    backend: Backend
    image_latency_s: float | None
    model_latency_s: float | None

    def described(self) -> dict[str, Any]:
        """Return what a result says of it: an address without user, password and query; of our own servers not even a port."""
        model = getattr(self.backend, "base_url", None) or type(self.backend).__name__
        return {
            "images": _OWN if self.image_latency_s is not None else _host(self.base_url),
            "model": _OWN if self.model_latency_s is not None else _host(model) if "//" in model else model,
        }


@contextlib.contextmanager
def open_target(config: SizingConfig) -> Iterator[Target]:
    """Start the servers that are needed, and give the target; the servers end with the block."""
    base_url, backend, download, describe = config.base_url, config.backend, config.download_options, config.describe_options
    latencies: dict[str, float | None] = {"image_latency_s": None, "model_latency_s": None}
    with contextlib.ExitStack() as stack:
        try:
            if base_url is None:
                per_second = download.requests_per_second_per_host_total
                images = ImageServer(
                    host=config.serve_on,
                    latency=Latency(mean_s=config.image_latency_mean_s, sigma=config.latency_sigma),
                    rate_limit=None if per_second is None else RateLimit(requests_per_second=per_second),
                    warm_sizes=[(config.width, config.height)],
                )
                base_url = stack.enter_context(images).base_url
                latencies["image_latency_s"] = config.image_latency_mean_s * _HOPS
            if backend is None:
                model = ModelServer(
                    host=config.serve_on,
                    latency=Latency(mean_s=config.model_latency_mean_s, sigma=config.latency_sigma),
                    requests_per_minute=describe.requests_per_minute_total,
                    tokens_per_minute=describe.tokens_per_minute_total,
                    models=(_MODEL,),
                )
                backend = ChatCompletions(stack.enter_context(model).base_url, _MODEL)
                latencies["model_latency_s"] = config.model_latency_mean_s
        except PortInUse as error:
            raise SettingError(
                f"serve_on: {config.serve_on!r} is not allowed: this machine cannot listen there; give one of its own addresses"
            ) from error
        yield Target(base_url=base_url, backend=backend, **latencies)


def _host(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"


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
        "processes": why_not_measured(spark) or "measured",
    }


def settings_of(config: SizingConfig, target: Target, tasks: int) -> dict[str, Any]:
    """Return what a reader needs to compare two suites; no secret, no password of an address."""
    download, describe, backend = config.download_options, config.describe_options, target.backend
    demand = {
        "image_latency_s": target.image_latency_s,
        "model_latency_s": target.model_latency_s,
        "tasks": config.tasks_of(tasks),
        "latency_sigma": config.latency_sigma,
        **limits_of(download, describe),
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
        "own_servers": {"images": config.base_url is None, "model": config.backend is None},
        "demand": demand,
    }


def _fields(value: Any, kinds: tuple[type[Any], ...]) -> dict[str, Any]:
    values = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return {name: found for name, found in values.items() if isinstance(found, kinds)}
