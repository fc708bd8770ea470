"""The library's engine and its bridge to Arrow, in one process, without Spark."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.contestants.protocol import Order, addresses, serve
from picsum_vision.options import DownloadOptions
from picsum_vision.spark.bridge import ArrowBridge
from picsum_vision.spark.download_stage import DownloadStage


class EngineDownload:
    """One task's work without the task."""

    def __init__(self, _settings: Mapping[str, Any]) -> None:
        """Begin with nothing to do."""
        self._batch = pa.RecordBatch.from_arrays([pa.array([], pa.string())], names=["image_url"])
        self._options = DownloadOptions()
        self._ok = 0

    def prepare(self, order: Order) -> None:
        """Write out the addresses as an Arrow batch."""
        self._batch = pa.RecordBatch.from_arrays([pa.array(addresses(order))], names=["image_url"])
        self._options = DownloadOptions(**order["options"])

    def run(self) -> None:
        """Fetch them all; each emitted batch is counted and dropped."""
        bridge: ArrowBridge[Any] = ArrowBridge(DownloadStage(options=self._options).open(), "image_url")
        self._ok = sum(_ok_rows(out) for out in bridge.process(iter([self._batch])))

    def rows_ok(self) -> int:
        """Return how many rows have the status ok."""
        return self._ok

    def close(self) -> None:
        """Nothing is open."""


def _ok_rows(batch: pa.RecordBatch) -> int:
    counted: int = pc.sum(pc.equal(batch.column("download_outcome").field("status"), "ok")).as_py()
    return counted


if __name__ == "__main__":
    serve(EngineDownload, ["picsum-vision", "aiohttp", "pyarrow"])
