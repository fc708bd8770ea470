"""The header fields that a request is sent with: which may be given, and whose word counts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from picsum_vision.errors import SettingError
from picsum_vision.secrets import Secret

# RFC 9110, "token".
_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
# They say where a request goes and where it ends, which is the client's affair.
_OURS: Final = frozenset({"connection", "content-length", "host", "transfer-encoding"})
_FORBIDDEN_IN_VALUES: Final = ("\r", "\n", "\0")
Value = TypeVar("Value")


def check_headers(setting: str, headers: Any) -> None:
    """Refuse what is no mapping of names to values, or would break the request; no value is shown, for it may be a key."""
    if not isinstance(headers, Mapping):
        raise SettingError(f"{setting}: {type(headers).__name__} is not allowed; it must be a mapping of names to values")
    seen: set[str] = set()
    for name, value in headers.items():
        check_header(setting, name, value)
        if name.lower() in _OURS:
            raise SettingError(f"{setting}: {name} is not allowed; the client itself sends it")
        if name.lower() in seen:
            raise SettingError(f"{setting}: {name} is there twice; a name in capitals is the same name")
        seen.add(name.lower())


def check_header(setting: str, name: Any, value: Any) -> None:
    """Refuse a field that would break the request it is sent with."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise SettingError(f"{setting}: {name!r} is not a header's name")
    if isinstance(value, Secret) and value.source == "databricks_oauth":
        raise SettingError(f"{setting}: {name} cannot be a Secret.databricks_oauth: such a token ends, and a header is read once")
    if not isinstance(value, Secret) and not _is_line(value):
        raise SettingError(f"{setting}: the value of {name} must be one line of text or a Secret")


def _is_line(value: Any) -> bool:
    if not isinstance(value, str) or any(mark in value for mark in _FORBIDDEN_IN_VALUES):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def replaced(fields: Mapping[str, Value], by: Mapping[str, Value]) -> dict[str, Value]:
    """Return the fields with those of `by` in the place of their namesakes, in whatever capitals."""
    given = {name.lower() for name in by}
    return {name: value for name, value in fields.items() if name.lower() not in given} | dict(by)
