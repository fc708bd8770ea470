"""A file that is there in full or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

from picsum_vision.errors import EnvironmentProblem, SettingError

_READABLE_BY_ALL: Final = 0o666


def check_output_file(output: str) -> Path:
    """Return the file's path; refuse a folder, and one whose folder is not there or may not be written to."""
    path = Path(output).expanduser().absolute()
    if path.is_dir():
        raise SettingError(f"output: {output!r} is a folder; it must be a file, as in {os.path.join(output, 'report.html')!r}")  # noqa: PTH118 - as it was given
    if not path.parent.is_dir():
        raise SettingError(f"output: {output!r} cannot be written; there is no folder {str(path.parent)!r}")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise SettingError(
            f"output: {output!r} cannot be written; {str(path.parent)!r} does not allow it; name another file with --output"
        )
    return path


def write_whole(path: Path, text: str) -> None:
    """Write the file so that it is there in full or not at all; an older one stays until then."""
    try:
        handle, part = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
            Path(part).chmod(_READABLE_BY_ALL & ~_umask())
            Path(part).replace(path)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise EnvironmentProblem(f"output: {str(path)!r} cannot be written: {error.strerror or error}") from error


def _umask() -> int:
    """Return which rights new files of this process do not get; it can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
