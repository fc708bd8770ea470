"""A job's settings from its file and from flags."""

from __future__ import annotations

from typing import Any

from picsum_vision.errors import SettingError


def merged(settings: dict[str, Any], flags: dict[str, Any], groups: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the file's settings with the flags that were given in their place."""
    merged = settings | {name: value for name, value in flags.items() if value is not None}
    for name, values in groups.items():
        given = {key: value for key, value in values.items() if value is not None}
        if given:
            there = merged.get(name, {})
            there = {"kind": there} if isinstance(there, str) else there
            if not isinstance(there, dict):
                raise SettingError(f"{name}: {there!r} is not allowed; it must be a table of settings")
            merged[name] = there | given
    return merged
