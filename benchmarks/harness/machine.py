"""The machine and the versions that a result was measured on: nothing that names the host, its user or a place on it."""

from __future__ import annotations

import importlib.metadata
import platform
import re
from pathlib import Path
from typing import Any

import psutil

_PACKAGES = ("picsum-vision", "pyspark", "aiohttp", "pyarrow", "pandas", "pillow")


def machine() -> dict[str, Any]:
    """Return cores, memory, the CPU's model and the operating system."""
    return {
        "cores": psutil.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "cpu": _cpu_model(),
        "os": f"{platform.system()} {platform.release().partition('-')[0]} {platform.machine()}",
    }


def versions() -> dict[str, str]:
    """Return Python's and those of the packages that are measured."""
    return {"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in _PACKAGES}}


def _cpu_model() -> str:
    listed = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*:\s*(.+)$", listed.read_text(), re.MULTILINE) if listed.exists() else None
    return found[1].strip() if found else platform.processor() or "unknown"
