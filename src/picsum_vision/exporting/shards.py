"""A task's images in pieces of bounded size, each written to a name of its own and closed before it is told of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

import pyarrow as pa

from picsum_vision.exporting.plan import Shard, ShardLimits


class ExportedRow(NamedTuple):
    """One image with what goes with it.

    `text` is its description, None if there is none; `metadata` the other columns as a JSON object; `columns` the same as a
    struct array of one row, where the layout keeps their types, else None.
    """

    image: bytes
    extension: str
    text: str | None
    metadata: str
    columns: pa.StructArray | None


class OpenShard(Protocol):
    """A piece that is being written."""

    def size_with(self, row: ExportedRow) -> int:
        """Return about how many bytes it would have with this row."""
        ...

    def write(self, key: str, row: ExportedRow) -> None:
        """Add a row under a key that no other row of the export has."""
        ...

    def close(self) -> int:
        """Finish it and return its bytes."""
        ...

    def abort(self) -> None:
        """Let go of its file, whatever is in it."""
        ...


class Shards:
    """Opens the next piece when one is full. Invariant: `done` names pieces that are closed and whole, and no other."""

    def __init__(self, folder: Path, partition: int, limits: ShardLimits, open_shard: Callable[[Path, str], OpenShard]) -> None:
        """Write into `folder`, which is made with the first piece."""
        self._folder = folder
        self._partition = partition
        self._limits = limits
        self._open_shard = open_shard
        self._shard: OpenShard | None = None
        self._images = 0
        self._images_in_all = 0
        self.done: list[Shard] = []

    def add(self, row: ExportedRow) -> None:
        """Write one row."""
        if self._shard is not None and self._is_full(self._shard, row):
            self.close()
        if self._shard is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._shard = self._open_shard(self._folder, self._name)
        self._shard.write(f"{self._partition:05d}-{self._images_in_all:07d}", row)
        self._images += 1
        self._images_in_all += 1

    def close(self) -> None:
        """Finish the piece that is open."""
        if self._shard is not None:
            self.done.append(Shard(name=self._name, bytes=self._shard.close(), images=self._images))
            self._shard, self._images = None, 0

    def abort(self) -> None:
        """Let go of what is open."""
        if self._shard is not None:
            self._shard.abort()

    @property
    def _name(self) -> str:
        return f"{self._partition:05d}-{len(self.done):04d}"

    def _is_full(self, shard: OpenShard, row: ExportedRow) -> bool:
        return self._images >= self._limits.max_images or shard.size_with(row) > self._limits.max_bytes
