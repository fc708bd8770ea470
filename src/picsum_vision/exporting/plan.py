"""What an export is to be: the settings that travel to the workers, and the names that the pieces get in the end."""

from __future__ import annotations

import dataclasses
import os
import re
import uuid
from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple, get_args
from urllib.parse import unquote, urlsplit

from picsum_vision.errors import SettingError
from picsum_vision.validation import check_choice, check_flag, check_integer

Layout = Literal["webdataset", "huggingface", "files"]
Mode = Literal["error", "overwrite"]
LAYOUTS: Final = get_args(Layout)
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_FOLDER: Final = "a folder: a local path, file:/..., or /Volumes/catalog/schema/volume/... on Databricks"


class ShardLimits(NamedTuple):
    """When a tar, a Parquet file or a folder is full: at so many images, or before it has more bytes, but for a single image."""

    max_images: int
    max_bytes: int


DEFAULT_LIMITS: Final[dict[str, ShardLimits]] = {
    "webdataset": ShardLimits(10_000, 1_000_000_000),
    "huggingface": ShardLimits(10_000, 500_000_000),
    "files": ShardLimits(1_000, 10_000_000_000),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportPlan:
    """What travels: `export`'s settings, with its folder as an absolute path, and an id."""

    layout: Layout
    folder: str
    mode: Mode = "error"
    split: str = "train"
    max_images_per_shard: int | None = None
    max_bytes_per_shard: int | None = None
    full_urls: bool = False
    export_id: str = dataclasses.field(default_factory=lambda: uuid.uuid4().hex)

    def __post_init__(self) -> None:
        """Check what a person gives."""
        check_choice("layout", self.layout, LAYOUTS)
        check_choice("mode", self.mode, get_args(Mode))
        if not isinstance(self.split, str) or not re.fullmatch(r"\w+", self.split, re.ASCII):
            raise SettingError(f"split: {self.split!r} is not allowed; it must be letters, digits and underscores")
        check_integer("max_images_per_shard", self.max_images_per_shard, minimum=1, optional=True)
        check_integer("max_bytes_per_shard", self.max_bytes_per_shard, minimum=1, optional=True)
        check_flag("full_urls", self.full_urls)


class Shard(NamedTuple):
    """One whole file, or folder of files, of a task's attempt."""

    source: str  # from the export's staging folder on
    images: int
    bytes: int


def final_names(plan: ExportPlan, shards: Sequence[Shard]) -> dict[str, list[str]]:
    """Return the names that a reader finds, numbered through over all tasks, each with what becomes it; several are joined."""
    if plan.layout == "files":
        # The lines of metadata.jsonl name these folders already.
        names = {shard.source.rpartition("/")[2]: [shard.source] for shard in shards}
        return names | ({"metadata.jsonl": [f"{shard.source}.jsonl" for shard in shards]} if shards else {})
    in_all = len(shards)
    name = "{}-{:06d}.tar" if plan.layout == "webdataset" else "data/{}-{:05d}-of-{:05d}.parquet"
    return {name.format(plan.split, number, in_all): [shard.source] for number, shard in enumerate(shards)}


def target_folder(path: Any) -> str:
    """Return the absolute path by which every worker can reach the folder; raises SettingError for what is none."""
    text = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(text, str) or not text.strip():
        raise SettingError(f"path: {path!r} is not allowed; it must be {_FOLDER}")
    scheme = _SCHEME.match(text)
    if scheme is None:
        # Without a look at the disk: the folder may be another machine's.
        return os.path.abspath(os.path.expanduser(text))  # noqa: PTH100, PTH111
    name, parts = scheme[1].lower(), urlsplit(text)
    if name == "file" and parts.netloc in ("", "localhost"):
        text = unquote(parts.path)
    elif name == "dbfs":
        # What Databricks mounts as folders.
        plain = "/" + unquote(parts.path).lstrip("/")
        text = plain if plain.startswith("/Volumes/") else f"/dbfs{plain}"
    else:
        raise SettingError(
            f"path: {text!r} is not allowed; it must be {_FOLDER}. For an object store export to a volume or a mounted folder, "
            "or to a local one and copy it"
        )
    return os.path.abspath(text)  # noqa: PTH100 - the same
