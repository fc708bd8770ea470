"""What a file or folder of addresses holds, told by endings: of its own name, or of the files in it."""

from __future__ import annotations

import os
import re
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from picsum_vision.errors import SettingError

_KINDS: Final = {".csv": "csv", ".tsv": "tsv", ".txt": "text", ".text": "text", ".urls": "text"}
_COMPRESSED: Final = (".gz", ".bz2", ".zst")
ENDINGS: Final = f".parquet, {', '.join(_KINDS)} (all but .parquet also with {', '.join(_COMPRESSED)} behind)"


def kind_by_name(source: str) -> str | None:
    """Return "parquet", "csv", "tsv" or "text" as the name's end says, None where it says nothing."""
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
    folder = local_path(source)
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


def path_for_spark(setting: str, source: str) -> str:
    """Return a file's or folder's path as Spark must be told it: a name that is there is no pattern.

    Raises SettingError for a file on this machine that Spark would leave out, or cannot open.
    """
    path = local_path(source)
    if path is None or not path.exists():
        return source
    if path.is_file() and path.name.startswith(("_", ".")):
        raise SettingError(f"{setting}: {source!r} begins with {path.name[0]!r}, and Spark leaves such files out; rename it")
    if path.is_file() and ":" in path.name:
        raise SettingError(f"{setting}: {source!r} has a colon in its name, which Spark cannot open; rename it")
    return without_patterns(source)


def without_patterns(path: str) -> str:
    """Return a path in which no character stands for others, as Hadoop has it."""
    return re.sub(r"([\\*?\[\]{}])", r"\\\1", path)


def check_there(setting: str, source: str) -> None:
    """Refuse a file of this machine, by name or pattern, that is not there."""
    path = local_path(source)
    if kind_by_name(source) is None or path is None or path.exists() or any(sign in source for sign in "*?[{"):
        return
    raise SettingError(f"{setting}: {source!r} is not there (looked for {path.absolute()})")


def folder_of_data_set(source: str) -> str:
    """Return the folder `data` of a data set as Hugging Face keeps it, other sources as they are."""
    path = local_path(source)
    if path is None or not (path / "data").is_dir() or any(map(kind_by_name, _files(path))):
        return source
    return f"{source.rstrip('/')}/data"


def local_path(source: str) -> Path | None:
    """Return where a source is on this machine, None for an address."""
    if source.startswith("file:"):
        return Path(urllib.request.url2pathname(urllib.parse.urlsplit(source).path))
    return None if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", source) else Path(source).expanduser()


def _files(folder: Path) -> Iterator[str]:
    """Return the names that Spark would read: none that is hidden, and of folders below those of a partition."""
    for entry in os.scandir(folder):
        if entry.name.startswith((".", "_")):
            continue
        if not entry.is_dir():
            yield entry.name
        elif "=" in entry.name:
            yield from _files(Path(entry.path))
