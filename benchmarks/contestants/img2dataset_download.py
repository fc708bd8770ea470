"""img2dataset, to Parquet, the images as they came. It runs in an environment of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from img2dataset import download

from benchmarks.contestants.parquet_folder import ParquetFolder
from benchmarks.contestants.protocol import Order, addresses, serve


class Img2datasetDownload:
    """Its own pool of processes, started and ended by each call: that is how it is used."""

    def __init__(self, _settings: Mapping[str, Any]) -> None:
        """Begin with nothing to do."""
        self._folder = ParquetFolder()
        self._order: Order = {}
        self._list = Path()
        self._written = ""
        self._lists = tempfile.TemporaryDirectory(prefix="benchmark-")

    def prepare(self, order: Order) -> None:
        """Write the list of addresses."""
        self._order, self._written = order, str(self._folder.renew())
        self._list = Path(self._lists.name) / "addresses.txt"
        self._list.write_text("\n".join(addresses(order)))

    def run(self) -> None:
        """Fetch into Parquet, one shard for each process, without changing the images."""
        processes = self._order["processes"]
        download(
            url_list=str(self._list),
            output_folder=self._written,
            output_format="parquet",
            processes_count=processes,
            thread_count=self._order["threads"],
            number_sample_per_shard=-(-self._order["rows"] // processes),
            disable_all_reencoding=True,
            # Work whose results nobody here reads.
            extract_exif=False,
            compute_hash=None,
            timeout=30,
        )

    def rows_ok(self) -> int:
        """Return how many rows it calls a success."""
        shards = sorted(Path(self._written).glob("*.parquet"))
        ok: int = sum(pq.read_table(shard, columns=["status"])["status"].to_pylist().count("success") for shard in shards)
        self._folder.remove()
        return ok

    def close(self) -> None:
        """Delete what was written."""
        self._folder.remove()
        self._lists.cleanup()


if __name__ == "__main__":
    serve(Img2datasetDownload, ["img2dataset", "pyarrow"])
