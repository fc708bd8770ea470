"""What an export is to be: the settings that travel to the workers, and what they tell of what they wrote."""

from __future__ import annotations

import dataclasses
from typing import Any, Final, Literal

Layout = Literal["webdataset", "huggingface", "files"]
Mode = Literal["error", "overwrite"]
LAYOUTS: Final = ("webdataset", "huggingface", "files")
MODES: Final = ("error", "overwrite")
STAGING: Final = ".picsum-vision-staging"
MANIFEST: Final = ".picsum-vision-export.json"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShardLimits:
    """When a tar, a Parquet file or a folder is full: at so many images, or before it has more bytes, but for a single image."""

    max_images: int
    max_bytes: int


DEFAULT_LIMITS: Final[dict[str, ShardLimits]] = {
    "webdataset": ShardLimits(max_images=10_000, max_bytes=1_000_000_000),
    "huggingface": ShardLimits(max_images=10_000, max_bytes=500_000_000),
    "files": ShardLimits(max_images=1_000, max_bytes=10_000_000_000),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportPlan:
    """What travels: which layout, into which folder, in how large pieces, under which id."""

    layout: Layout
    folder: str
    mode: Mode
    limits: ShardLimits
    split: str
    export_id: str
    full_urls: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shard:
    """One whole file, or folder of files, of a task's attempt."""

    name: str  # in the attempt's folder
    images: int
    bytes: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Attempt:
    """What one attempt of one task wrote. Spark hands over those of one attempt a partition: these are the ones that count."""

    partition: int
    folder: str  # in the export's staging folder
    shards: tuple[Shard, ...]
    left_out: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        """Return it as it travels to the driver."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Attempt:
        """Return what a worker told."""
        return cls(**{**told, "shards": tuple(Shard(**shard) for shard in told["shards"])})
