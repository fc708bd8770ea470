"""Where a suite is kept: a folder of one's own to write in, one suite's at a time, and the MLflow that was asked for."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from picsum_vision.errors import SettingError
from picsum_vision.redaction import redact_url
from picsum_vision.validation import did_you_mean

_LOCK: Final = ".lock"
_FILE: Final = "sqlite"
_SCHEMES: Final = (_FILE, "http", "https", "databricks", "databricks-uc", "uc", "postgresql", "mysql", "mssql")


def prepared_folder(output: str | Path) -> Path:
    """Return the folder, made if it was missing; raises SettingError where it cannot be, be written in, or is in use."""
    folder = Path(output).expanduser().absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingError(f"output: {str(output)!r} cannot be a folder ({error.strerror})") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SettingError(f"output: {str(output)!r} cannot be written in; give a folder of yours")
    with only_suite_in(folder):  # also before Spark is started for a suite that could not begin
        return folder


@contextlib.contextmanager
def only_suite_in(folder: Path) -> Iterator[None]:
    """Keep the folder for the time of the block; raise SettingError where another suite has it.

    The system gives it back when the process dies. Where neither platform nor file system knows locks nothing is kept.
    """
    with contextlib.ExitStack() as opened:
        try:
            import fcntl  # noqa: PLC0415 - not on Windows

            file = opened.enter_context((folder / _LOCK).open("ab"))
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SettingError(f"output: {str(folder)!r} is in use by another suite; give another --output") from error
        except (ImportError, OSError):
            pass  # the file is somebody else's, or the file system takes no such file or no locks: no reason to refuse
        yield


def tracking_address(asked: str | None, folder: Path, *, must_exist: bool = False) -> str:
    """Return the tracking URI: as asked, MLFLOW_TRACKING_URI, the workspace on Databricks, else a file of SQLite in `folder`.

    Raises SettingError for one that MLflow cannot have, and with `must_exist` for a file that is not there: MLflow would make it.
    """
    uri = asked if asked is not None else os.environ.get("MLFLOW_TRACKING_URI")
    if not uri and asked is None:
        uri = "databricks" if "DATABRICKS_RUNTIME_VERSION" in os.environ else f"{_FILE}:///{folder / 'mlflow.db'}"
    uri = uri or ""
    scheme = uri.partition(":")[0].partition("+")[0].lower()
    try:
        is_allowed = scheme in _SCHEMES and (scheme not in ("http", "https") or bool(urlsplit(uri).hostname))
    except ValueError:
        is_allowed = False
    if not is_allowed:
        # Where the scheme was forgotten, what stands before an @ is a user and a password all the same.
        shown = redact_url(uri if "://" in uri else uri.rpartition("@")[2])
        raise SettingError(
            f"tracking_uri: {shown!r} is not allowed; it must be sqlite:///DIR/mlflow.db, http(s)://host, databricks, or a "
            f"database's address{did_you_mean(scheme, _SCHEMES)}; MLflow keeps no runs in plain folders any more"
        )
    if scheme != _FILE:
        return uri
    path = Path(uri.partition("///")[2])
    if must_exist:
        if not path.is_file():
            raise SettingError(f"tracking_uri: {path} is not there; --tracking-uri names the store that has the run")
        return uri
    # What cannot be written MLflow would try again for minutes.
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingError(f"tracking_uri: {uri!r}: its folder cannot be made ({error.strerror})") from error
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise SettingError(f"tracking_uri: {uri!r} cannot be written; give a file in a folder of yours, sqlite:///DIR/mlflow.db")
    return uri
