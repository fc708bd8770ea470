"""Which MLflow a suite is kept in: the one that was asked for, or a file beside the results."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from picsum_vision.errors import SettingError
from picsum_vision.sizing.store_login import DATABASES, kind_and_driver, login_and_rest
from picsum_vision.urls import without_secrets
from picsum_vision.validation import did_you_mean

DEFAULT_EXPERIMENT: Final = "picsum-vision sizing"
_ON_DATABRICKS: Final = "/Shared/picsum-vision-sizing"
_FILE_SCHEME: Final = "sqlite"
_SCHEMES: Final = (_FILE_SCHEME, "http", "https", "databricks", "databricks-uc", "uc", *DATABASES)
_SECRET_NAME: Final = re.compile(r"(?i)pass|pwd|token|secret|key")
_HIDDEN: Final = "***"
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
        # Where the scheme was forgotten, what stands before an @ is a user and a password all the same.
        shown = readable_address(uri if "://" in uri else uri.rpartition("@")[2])
        raise SettingError(
            f"tracking_uri: {shown!r} is not allowed; it must be {_ALLOWED}{did_you_mean(scheme, _SCHEMES)}; "
            "MLflow keeps no runs in plain folders any more"
        )
    if scheme in ("http", "https") and not _has_host(uri):
        raise SettingError(f"tracking_uri: {readable_address(uri)!r} is not allowed; it must be {_ALLOWED}")
    return scheme


def _has_host(uri: str) -> bool:
    try:
        return bool(urlsplit(uri).hostname)
    except ValueError:
        return False


def readable_address(uri: str) -> str:
    """Return the address without user, password and query."""
    return without_secrets(login_and_rest(uri)[1])


def readable_reason(text: str, uri: str) -> str:
    """Return what others say of a store, in one line without its user, password and query: MLflow quotes the whole address."""
    text = _replaced(" ".join(text.split()), uri, readable_address(uri))
    userinfo, rest = login_and_rest(uri)
    query = rest.partition("?")[2]
    for form in _forms(userinfo):
        text = _replaced(text, f"{form}@", "")
    if query:
        text = _replaced(text, f"?{query}", "")
    for secret in sorted(_secrets(userinfo, query), key=len, reverse=True):
        text = _replaced(text, secret, _HIDDEN)
    return text


def _secrets(userinfo: str, query: str) -> set[str]:
    """Return what nobody may read: the password, a user that has none, for that is a token, and such values of the query."""
    user, _, password = userinfo.partition(":")
    named = [value for name, value in parse_qsl(query) if _SECRET_NAME.search(name)]
    return {form for secret in [password or user, *named] for form in _forms(secret)}


def _forms(written: str) -> Iterator[str]:
    """Yield a part of an address as it is written, as it is meant, and as others write it; nothing for nothing."""
    if written:
        yield from (written, unquote(written), quote(unquote(written), safe=""), quote(unquote(written), safe=":"))


def _replaced(text: str, part: str, other: str) -> str:
    return re.sub(re.escape(part), lambda _: other, text, flags=re.IGNORECASE)


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
