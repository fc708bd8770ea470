"""What a model's files are, in one word: an address may stay while they change."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

_CHUNK_BYTES: Final = 1 << 20
# Written beside the model by whoever loads it: Python's compiled code, and MLflow's note of the name it was found by.
_WRITTEN_BY_LOADING: Final = frozenset({"__pycache__", "registered_model_meta"})


def local_path(uri: str) -> str | None:
    """Return the absolute path that an address without a scheme, or with `file:`, means; None for any other."""
    parts = urlsplit(uri)
    if parts.scheme == "file":
        return url2pathname(parts.path)
    return None if parts.scheme else os.path.abspath(uri)  # noqa: PTH100 - `..` is resolved as a text, a link stays what it is


def folder_digest(folder: Path) -> str:
    """Return the SHA-256, in hexadecimal, of the names and contents of all files below the folder."""
    digest = hashlib.sha256()
    for path in sorted(_files(folder)):
        digest.update(os.fsencode(path.relative_to(folder).as_posix()) + b"\0" + _file_digest(path))
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if name not in _WRITTEN_BY_LOADING]
        yield from (Path(place, name) for name in names if name not in _WRITTEN_BY_LOADING)


def _file_digest(path: Path) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb") as file:  # hashlib.file_digest is not in Python 3.10
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.digest()
