"""What a file or folder of addresses holds, told by endings: of its own name, or of the files in it."""

from __future__ import annotations

import os
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from picsum_vision.errors import SettingError

_KINDS: Final = {".csv": "csv", ".tsv": "csv", ".txt": "text", ".text": "text", ".urls": "text"}
_COMPRESSED: Final = (".gz", ".bz2", ".zst")
ENDINGS: Final = f".parquet, {', '.join(_KINDS)} (all but .parquet also with {', '.join(_COMPRESSED)} behind)"


def kind_by_name(source: str) -> str | None:
    """Return "parquet", "csv" or "text" as the name's end says, None where it says nothing."""
    name = source.rstrip("/")
    if name.lower().endswith(".parquet"):
        return "parquet"
    for ending in _COMPRESSED:  # in small letters only: Hadoop knows no others
        name = name.removesuffix(ending)
    return next((kind for ending, kind in _KINDS.items() if name.lower().endswith(ending)), None)


def kind_of_folder(source: str) -> str | None:
    """Return what the files of a folder on this machine are, None where there is no such folder.

    Raises SettingError where the files say nothing, or several things.
    """
    folder = _local(source)
    if folder is None or not folder.is_dir():
        return None
    if (folder / "_delta_log").is_dir():
        raise SettingError(f"urls_from: {source!r} is the folder of a Delta table; give the table's name")
    kinds = sorted({kind for kind in map(kind_by_name, _files(folder)) if kind is not None})
    if not kinds:
        raise SettingError(f"urls_from: {source!r} has no file that ends in {ENDINGS}; name the folder itself so")
    if len(kinds) > 1:
        raise SettingError(
            f"urls_from: {source!r} has files of several kinds ({', '.join(kinds)}); give a folder that has one of them"
        )
    return kinds[0]


def _local(source: str) -> Path | None:
    if source.startswith("file:"):
        return Path(urllib.request.url2pathname(urllib.parse.urlsplit(source).path))
    return None if "://" in source else Path(source)


def _files(folder: Path) -> Iterator[str]:
    """Return the names that Spark would read: none that is hidden, and of folders below those of a partition."""
    for entry in os.scandir(folder):
        if entry.name.startswith((".", "_")):
            continue
        if not entry.is_dir():
            yield entry.name
        elif "=" in entry.name:
            yield from _files(Path(entry.path))
