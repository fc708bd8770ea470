"""Which MLflow a suite is kept in: the one that was asked for, or a file beside the results."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from picsum_vision.errors import SettingError
from picsum_vision.redaction import redact_url
from picsum_vision.sizing.store_listens import DATABASES, kind_and_driver
from picsum_vision.validation import did_you_mean

DEFAULT_EXPERIMENT: Final = "picsum-vision sizing"
_ON_DATABRICKS: Final = "/Shared/picsum-vision-sizing"
_FILE_SCHEME: Final = "sqlite"
_SCHEMES: Final = (_FILE_SCHEME, "http", "https", "databricks", "databricks-uc", "uc", *DATABASES)
_ALLOWED: Final = "sqlite:///DIR/mlflow.db, http(s)://host, databricks, or a database's address"


def tracking_address(asked: str | None, folder: Path) -> str:
    """Return the tracking URI: as asked, MLFLOW_TRACKING_URI, the workspace on Databricks, else a file of SQLite in `folder`."""
    named = _named(asked)
    uri = _default(folder) if named is None else named
    if _checked_scheme(uri) == _FILE_SCHEME:
        _check_file(uri)
    return uri


def check_named_address(asked: str | None) -> None:
    """Refuse an address that MLflow cannot have, as it was asked for, before there is a folder."""
    uri = _named(asked)
    if uri is not None and _checked_scheme(uri) == _FILE_SCHEME:
        _check_file(uri)


def address_to_read(asked: str | None, folder: Path) -> str:
    """Return the same address for who only reads: MLflow would make a file of SQLite that is not there."""
    uri = _named(asked) or _default(folder)
    if _checked_scheme(uri) == _FILE_SCHEME and not _file_of(uri).is_file():
        raise SettingError(f"tracking_uri: {_file_of(uri)} is not there; --tracking-uri names the store that has the run")
    return uri


def _named(asked: str | None) -> str | None:
    return asked if asked is not None else os.environ.get("MLFLOW_TRACKING_URI") or None


def _default(folder: Path) -> str:
    on_databricks = "DATABRICKS_RUNTIME_VERSION" in os.environ
    return "databricks" if on_databricks else f"{_FILE_SCHEME}:///{folder / 'mlflow.db'}"


def _checked_scheme(uri: str) -> str:
    """Return the address's scheme; raise SettingError for an address that MLflow cannot have."""
    scheme, _ = kind_and_driver(uri)
    if scheme not in _SCHEMES:
        raise SettingError(
            f"tracking_uri: {redact_url(uri)!r} is not allowed; it must be {_ALLOWED}{did_you_mean(scheme, _SCHEMES)}; "
            "MLflow keeps no runs in plain folders any more"
        )
    if scheme in ("http", "https") and not _has_host(uri):
        raise SettingError(f"tracking_uri: {redact_url(uri)!r} is not allowed; it must be {_ALLOWED}")
    return scheme


def _has_host(uri: str) -> bool:
    try:
        return bool(urlsplit(uri).hostname)
    except ValueError:
        return False


def default_experiment(uri: str) -> str:
    """Return the experiment's name where none was given: on Databricks it is a place in the workspace."""
    return _ON_DATABRICKS if uri.startswith("databricks") else DEFAULT_EXPERIMENT


def _file_of(uri: str) -> Path:
    return Path(uri.partition("///")[2])


def _check_file(uri: str) -> None:
    """Refuse a file that cannot be: MLflow would try again for minutes."""
    path = _file_of(uri)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingError(f"tracking_uri: {uri!r}: its folder cannot be made ({error.strerror})") from error
    if not uri.partition("///")[2] or path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise SettingError(f"tracking_uri: {uri!r} cannot be written; give a file in a folder of yours, sqlite:///DIR/mlflow.db")
