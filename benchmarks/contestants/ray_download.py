"""Ray Data's own download of a column of addresses, to Parquet. It runs in an environment of its own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import ray
from ray.data.expressions import download

from benchmarks.contestants.parquet_folder import ParquetFolder
from benchmarks.contestants.protocol import Order, addresses, serve


class RayDownload:
    """Ray on this machine, started once."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Start it."""
        # Its workers are new processes, which find this module as the contestant did.
        variables = {"env_vars": {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}}
        ray.init(num_cpus=settings["cpus"], include_dashboard=False, log_to_driver=False, runtime_env=variables)
        self._folder = ParquetFolder()
        self._blocks = settings["cpus"]
        self._urls: Any = None
        self._written = ""

    def prepare(self, order: Order) -> None:
        """Write out the addresses, a block for each CPU: in a block it asks for several at once, and one block after another."""
        items = [{"image_url": url} for url in addresses(order)]
        self._urls = ray.data.from_items(items, override_num_blocks=self._blocks)
        self._written = str(self._folder.renew())

    def run(self) -> None:
        """Fetch into Parquet, with its own settings; a failed row is NULL."""
        self._urls.with_column("image_binary", download("image_url")).write_parquet(self._written)

    def rows_ok(self) -> int:
        """Return how many rows have bytes."""
        images = pq.read_table(self._written, columns=["image_binary"])["image_binary"]
        # Of NULLs alone the column is of no type.
        ok = 0 if pa.types.is_null(images.type) else int(pc.sum(pc.greater(pc.binary_length(images), 0)).as_py() or 0)
        self._folder.remove()
        return ok

    def close(self) -> None:
        """End Ray."""
        self._folder.remove()
        ray.shutdown()


if __name__ == "__main__":
    serve(RayDownload, ["ray", "pyarrow"])
