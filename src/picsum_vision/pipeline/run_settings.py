"""A job's settings as plain values that may be kept: of a secret only the place it is read from, of an address no password."""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from picsum_vision._version import __version__
from picsum_vision.config import PipelineConfig
from picsum_vision.redaction import redact_text
from picsum_vision.secrets import Secret

_PACKAGES: Final = ("pyspark", "databricks-connect", "pyarrow", "pandas", "pillow", "pycurl", "mlflow")


def kept_settings(config: PipelineConfig) -> dict[str, Any]:
    """Return all settings by name; a backend and a task also say of which class they are."""
    return {field.name: _kept(getattr(config, field.name)) for field in dataclasses.fields(config)}


def kept_versions(spark_version: str) -> dict[str, str]:
    """Return the versions of what worked together, as the driver has them."""
    ours = {"picsum-vision": __version__, "python": platform.python_version(), "spark": spark_version}
    return ours | {package: found for package in _PACKAGES if (found := _version(package)) is not None}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _kept(value: Any) -> Any:
    if isinstance(value, Secret):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: _kept(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"kind": type(value).__name__, **fields}
    if isinstance(value, Mapping):
        # Headers: a value may be a key that somebody wrote there all the same.
        return sorted(str(name) for name in value)
    if isinstance(value, (list, tuple)):
        return [_kept(each) for each in value]
    if isinstance(value, str):
        return redact_text(value)
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)
