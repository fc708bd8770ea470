"""What an earlier export wrote into a folder: the only things there that may ever be taken away.

A name counts as an earlier export's if that export's manifest, or the journal of one that was broken off, lists it, and if it has
the form of such a name: what stands in a file is not believed beyond that. Nothing is followed through a symbolic link.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from picsum_vision.exporting.plan import MANIFEST, STAGING

JOURNAL: Final = "names.json"
_DATA: Final = "data"
_OWN_NAME: Final = re.compile(r"\w+-\d{6}\.tar|data/\w+-\d{5}-of-\d{5}\.parquet|\d{5}-\d{4}|metadata\.jsonl", re.ASCII)
_OWN_IMAGE: Final = re.compile(r"\d{5}-\d{7}\.[a-z]+")


def earlier_names(folder: Path) -> set[str]:
    """Return the names of what earlier exports wrote here, or were about to write when they were broken off."""
    told = [folder / MANIFEST, *sorted((folder / STAGING).glob(f"*/{JOURNAL}"))]
    names = {name for file in told for name in _listed(file)}
    return {name for name in names if isinstance(name, str) and _OWN_NAME.fullmatch(name)}


def others(folder: Path, known: Iterable[str]) -> list[str]:
    """Return what lies in the folder, and in its folder of Parquet files, but is neither `known` nor an export's own book."""
    found: list[str] = []
    for entry in os.scandir(folder):
        if entry.name == _DATA and entry.is_dir(follow_symlinks=False):
            found += [f"{_DATA}/{child.name}" for child in os.scandir(entry.path)]
        elif entry.name not in (STAGING, MANIFEST):
            found.append(entry.name)
    return sorted(set(found) - set(known))


def take_away(folder: Path, names: Iterable[str]) -> None:
    """Delete what earlier exports wrote, and no more: a folder with anything else in it is an OSError."""
    (folder / MANIFEST).unlink(missing_ok=True)
    for name in names:
        place = folder / name
        if place.is_dir() and not place.is_symlink():
            for image in list(place.iterdir()):
                if _OWN_IMAGE.fullmatch(image.name):
                    image.unlink()
            place.rmdir()
        else:
            place.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # missing, or not empty
        (folder / _DATA).rmdir()


def _listed(file: Path) -> list[Any]:
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    names = told.get("files") if isinstance(told, dict) else None
    return names if isinstance(names, list) else []
