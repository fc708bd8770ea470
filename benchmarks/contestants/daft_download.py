"""Daft's download of a column of URLs, to Parquet. It runs in an environment of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import daft
from daft.functions import download

from benchmarks.contestants.parquet_folder import ParquetFolder
from benchmarks.contestants.protocol import Order, addresses, serve


class DaftDownload:
    """Daft's native runner in this process."""

    def __init__(self, _settings: Mapping[str, Any]) -> None:
        """Choose the native runner."""
        daft.set_runner_native()
        self._folder = ParquetFolder()
        self._urls: Any = None
        self._max_connections = 1
        self._written = ""

    def prepare(self, order: Order) -> None:
        """Write out the addresses."""
        self._urls = daft.from_pydict({"image_url": addresses(order)})
        self._max_connections = order["max_connections"]
        self._written = str(self._folder.renew())

    def run(self) -> None:
        """Fetch into Parquet; a failed row is NULL, as for the others."""
        column = download(daft.col("image_url"), max_connections=self._max_connections, on_error="null")
        self._urls.with_column("image_binary", column).write_parquet(self._written)

    def rows_ok(self) -> int:
        """Return how many rows have bytes."""
        images = daft.read_parquet(f"{self._written}/*.parquet")
        ok: int = images.where(daft.col("image_binary").not_null()).count_rows()
        self._folder.remove()
        return ok

    def close(self) -> None:
        """Delete what was written."""
        self._folder.remove()


if __name__ == "__main__":
    serve(DaftDownload, ["daft", "pyarrow"])
