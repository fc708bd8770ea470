"""The folder of a suite's results: there, one's own to write in, and one suite's at a time."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from picsum_vision.errors import SettingError

_LOCK: Final = ".lock"


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


@contextlib.contextmanager
def only_suite_in(folder: Path) -> Iterator[None]:
    """Keep the folder for the time of the block; raise SettingError where another suite has it.

    The system gives it back when the process dies. Where neither platform nor file system knows locks nothing is kept.
    """
    with contextlib.ExitStack() as opened:
        try:
            file = opened.enter_context((folder / _LOCK).open("ab"))
        except OSError:  # somebody else's file, or one that such a file system does not take: it is no reason to refuse
            file = None
        if file is not None and not _is_ours(file):
            raise SettingError(f"output: {str(folder)!r} is in use by another suite; give another --output")
        yield


def check_is_free(folder: Path) -> None:
    """Raise SettingError where a suite has the folder now: before Spark is started for one that could not begin."""
    with only_suite_in(folder):
        pass


def _is_ours(file: IO[bytes]) -> bool:
    try:
        import fcntl  # noqa: PLC0415 - not on Windows
    except ImportError:
        return True
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # some network file systems have no locks
        return True
    return True
