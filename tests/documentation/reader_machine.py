"""What stands in the tests where a reader of the pages has the internet, a model and a key.

The pages' code runs as it stands, but for addresses, ports and numbers of images. What the library assumes where nothing is said
leads to the embedded servers for as long as a page runs.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from unittest import mock

import picsum_vision as pv
from picsum_vision.cli import demo as demo_command

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

KEY_VARIABLE: Final = "MODEL_API_KEY"
"""Where the pages' examples read their key; the workers have it from tests/conftest.py."""
MODELS: Final = ("a-vision-model", "databricks-llama-4-maverick")

_FEW: Final = 12
_A_FEW_MORE: Final = 20
_MANY: Final = 1_000
_NUMBER_OF_IMAGES: Final = re.compile(r"((?:\bcount|\bimages) ?= ?|--images[ =])([\d_]+)")
_SIZES: Final = re.compile(r"\bsizes=\([\d, _]+\)")
_EXAMPLE_HOST: Final = re.compile(r"https://[\w.-]+\.example\b")
_PORTS: Final = ("8080", "8081")
_CHECKPOINTS: Final = 'checkpoint_location="checkpoints/'


@dataclasses.dataclass(frozen=True)
class Machine:
    """The embedded servers' addresses, and the ports that a page's own servers may take."""

    image_host: str
    model_host: str
    ports: tuple[str, ...] = dataclasses.field(default_factory=lambda: tuple(_free_port() for _ in _PORTS))

    def as_here(self, text: str) -> str:
        """Return the page's code with this machine's addresses and with fewer images."""
        for port, free in zip(_PORTS, self.ports, strict=True):
            text = re.sub(rf"\b{port}\b", free, text)
        text = text.replace("https://picsum.photos", self.image_host).replace("https://host/v1", self.model_host)
        text = _SIZES.sub("sizes=(4,), repeats=1, model_latency_mean_s=0.05", text)
        # A query's checkpoints lie where Java was started: that is not the page's folder here.
        text = text.replace(_CHECKPOINTS, _CHECKPOINTS.replace("checkpoints/", f"{Path.cwd()}/checkpoints/"))
        return _NUMBER_OF_IMAGES.sub(_fewer, _EXAMPLE_HOST.sub(self.image_host, text))

    @contextlib.contextmanager
    def at(self, folder: Path, spark: SparkSession) -> Iterator[None]:
        """Work in the folder, with this machine's addresses where the library is told none."""
        before = Path.cwd()
        try:
            with contextlib.ExitStack() as changes:
                for function, name, value in self._defaults():
                    changes.enter_context(mock.patch.dict(function.__kwdefaults__, {name: value}))
                changes.enter_context(mock.patch.dict(os.environ, {KEY_VARIABLE: "a-key"}))
                os.chdir(folder)
                _look_for_files_in(folder, spark)
                yield
        finally:
            os.chdir(before)
            _look_for_files_in(before, spark)

    def _defaults(self) -> list[tuple[Any, str, object]]:
        return [
            (pv.generate_urls, "base_url", self.image_host),
            (pv.PipelineConfig.__init__, "base_url", self.image_host),
            (pv.PipelineConfig.__init__, "images", _FEW),
            (pv.DownloadOptions.__init__, "allow_private_addresses", True),
            (pv.BatchChat.__init__, "poll_interval_s", 0.1),
            (demo_command.demo, "images", _FEW),
        ]


def _fewer(found: re.Match[str]) -> str:
    number = int(found[2].replace("_", ""))
    return found[1] + str(min(number, _FEW if number <= _MANY else _A_FEW_MORE))


def _look_for_files_in(folder: Path, spark: SparkSession) -> None:
    """Let Spark, which was started elsewhere, find a relative path where Python finds it."""
    hadoop = spark.sparkContext._jvm.org.apache.hadoop.fs
    files = hadoop.FileSystem.get(spark.sparkContext._jsc.hadoopConfiguration())
    files.setWorkingDirectory(hadoop.Path(str(folder)))


def _free_port() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return str(taken.getsockname()[1])
