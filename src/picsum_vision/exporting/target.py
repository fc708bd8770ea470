"""Where an export is written: a folder that every worker can reach by the same name."""

from __future__ import annotations

import os
import re
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from picsum_vision.errors import SettingError

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_ALLOWED: Final = "a folder: a local path, file:/..., or /Volumes/catalog/schema/volume/... on Databricks"


def target_folder(path: Any) -> str:
    """Return the folder's absolute path; raises SettingError for what is none."""
    text = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(text, str) or not text.strip():
        raise SettingError(f"path: {path!r} is not allowed; it must be {_ALLOWED}")
    return os.path.abspath(_local(text))  # noqa: PTH100 - without a look at the disk: the folder may be another machine's


def _local(text: str) -> str:
    scheme = _SCHEME.match(text)
    if scheme is None:
        return os.path.expanduser(text)  # noqa: PTH111 - the same
    name, parts = scheme[1].lower(), urlsplit(text)
    if name == "file" and parts.netloc in ("", "localhost"):
        return unquote(parts.path)
    if name == "dbfs":
        # What Databricks mounts as folders.
        plain = "/" + unquote(parts.path).lstrip("/")
        return plain if plain.startswith("/Volumes/") else f"/dbfs{plain}"
    raise SettingError(
        f"path: {text!r} is not allowed; it must be {_ALLOWED}. For an object store export to a volume or a mounted folder, "
        "or to a local one and copy it"
    )
