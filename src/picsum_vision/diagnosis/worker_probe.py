"""What a worker says of itself: its Python, its packages, its memory, and whether it reaches the image host and the model.

The function runs in the workers; what it says comes back as text, so that nothing of it depends on Arrow types or versions.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import os
import platform
import socket
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from picsum_vision.describing.backends import BatchChat, ChatBackend, ChatCompletions
from picsum_vision.describing.model_list import ModelList, model_list
from picsum_vision.diagnosis.fetch_once import Fetched, fetch_once
from picsum_vision.options import DownloadOptions
from picsum_vision.outcomes import DescribeStatus
from picsum_vision.spark.session_memory import machine_memory_bytes

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from picsum_vision.describing.backends import Backend

_PACKAGES: Final = ("picsum-vision", "pyarrow", "pandas", "aiohttp", "httptools", "pillow", "numpy", "yarl")
_ENDPOINT_TIMEOUT_S: Final = 15.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class WorkerReport:
    """One worker's answer."""

    host: str
    python: str
    executable: str
    packages: dict[str, str]
    memory_bytes: int
    cpus: int
    fetched: Fetched | None
    models: ModelList | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Probe:
    """What travels: the address to fetch and how, and the endpoint to look at; None leaves it out."""

    url: str | None
    options: DownloadOptions
    backend: ChatBackend | None

    def run(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Answer once for a task that has rows."""
        for batch in batches:
            if batch.num_rows:
                yield pa.RecordBatch.from_arrays([pa.array([json.dumps(self._answer())])], names=["report"])
                return

    def _answer(self) -> dict[str, Any]:
        fetched = None if self.url is None else dataclasses.asdict(fetch_once(self.url, self.options))
        models = None if self.backend is None else model_list(self.backend, timeout_s=_ENDPOINT_TIMEOUT_S)
        return {
            "host": socket.gethostname(),
            "python": platform.python_version(),
            "executable": sys.executable,
            "packages": {name: version for name in _PACKAGES if (version := version_of(name))},
            "memory_bytes": machine_memory_bytes(),
            "cpus": os.cpu_count() or 1,
            "fetched": fetched,
            "models": None if models is None else dataclasses.asdict(models),
        }


def probe_workers(
    spark: SparkSession, tasks: int, *, url: str | None, options: DownloadOptions, backend: Backend
) -> list[WorkerReport]:
    """Return what `tasks` tasks say; which machines they run on is the cluster's choice."""
    endpoint = backend if isinstance(backend, ChatCompletions | BatchChat) else None
    probe = Probe(url=url, options=options, backend=endpoint)
    rows = spark.range(0, tasks, 1, tasks).mapInArrow(probe.run, "report STRING").collect()
    return [_report(json.loads(row["report"])) for row in rows]


def version_of(package: str) -> str | None:
    """Return a package's version here, None if it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _report(told: dict[str, Any]) -> WorkerReport:
    fetched, models = told.pop("fetched"), told.pop("models")
    if models is not None:
        names = None if models["models"] is None else tuple(models["models"])
        models = ModelList(status=DescribeStatus(models["status"]), message=models["message"], models=names)
    return WorkerReport(**told, fetched=None if fetched is None else Fetched(**fetched), models=models)
