"""The folder of a suite's results: there, and one's own to write in, before any work."""

from __future__ import annotations

import os
from pathlib import Path

from picsum_vision.errors import SettingError


def prepared_folder(output: str | Path) -> Path:
    """Return the folder, made if it was missing; raises SettingError where it cannot be, or cannot be written in."""
    folder = Path(output).expanduser().absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingError(f"output: {str(output)!r} cannot be a folder ({error.strerror})") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SettingError(f"output: {str(output)!r} cannot be written in; give a folder of yours")
    return folder
