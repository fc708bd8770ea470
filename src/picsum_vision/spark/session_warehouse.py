"""Where a local session keeps its tables: an absolute folder, or an address that Hadoop knows."""

from __future__ import annotations

import os
import re
import urllib.parse
import urllib.request
from pathlib import Path

from picsum_vision.errors import SettingError


def warehouse_location(warehouse: str | os.PathLike[str], setting_name: str = "warehouse", *, read_only: bool = False) -> str:
    """Return the warehouse as an absolute path; an address such as `s3a://bucket/tables` stays as it is.

    Nothing is created. Raises SettingError, naming `setting_name`, for a file, a place below one, or one nobody may write to,
    which will do if it is `read_only`.
    """
    text = os.fspath(warehouse)
    if not text.strip() or not text.isprintable():
        raise SettingError(f"{setting_name}: {text!r} is not allowed; it must be a folder")
    if text.startswith("file:"):
        text = urllib.request.url2pathname(urllib.parse.urlsplit(text).path)
    elif re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", text):
        return text
    folder = Path(os.path.abspath(Path(text).expanduser()))  # noqa: PTH100 - resolve() would replace the user's links
    _check_folder(folder, setting_name, read_only=read_only)
    return str(folder)


def _check_folder(folder: Path, setting_name: str, *, read_only: bool) -> None:
    existing = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
    if not existing.is_dir():
        what = "it is not a folder" if existing == folder else f"{existing} is not a folder"
        raise SettingError(f"{setting_name}: {str(folder)!r} cannot hold tables: {what}; name another one")
    if not read_only and not os.access(existing, os.W_OK | os.X_OK):
        raise SettingError(
            f"{setting_name}: {str(folder)!r} cannot be written to ({existing} does not allow it); name another one"
        )
