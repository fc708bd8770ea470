"""What a result records of options, model and question, so that two suites can be told apart by it; no header, no secret."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

from picsum_vision.describing.backends import Backend
from picsum_vision.options import DescribeOptions, DownloadOptions
from picsum_vision.redaction import redact_url

_PLAIN: Final = (str, bool, int, float, type(None))
# Texts of a backend are addresses, names and places, which may hold a password.
_NUMBERS: Final = (bool, int, float)


def recorded_options(options: DownloadOptions | DescribeOptions) -> dict[str, Any]:
    """Return every plain field; headers, whose values may be keys, are none."""
    return _fields(options, _PLAIN)


def recorded_backend(backend: Backend) -> dict[str, Any]:
    """Return the backend's class, the model's name without user and password, and what is set of it in numbers."""
    return {"kind": type(backend).__name__, "model": redact_url(backend.model_name), **_fields(backend, _NUMBERS)}


def _fields(value: Any, kinds: tuple[type[Any], ...]) -> dict[str, Any]:
    values = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return {name: found for name, found in values.items() if isinstance(found, kinds)}
