"""The machine and the versions that a result was measured on: nothing that names the host, its user or a place on it."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import subprocess
from pathlib import Path
from typing import Any

import psutil

_HERE = Path(__file__).resolve().parent
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


def commit() -> str:
    """Return the code's commit, with "and changes" where files differ from it; "unknown" where there is no repository."""
    try:
        found = _git("rev-parse", "--short=7", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", ":/", ":(top,exclude)benchmarks/results")
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return f"{found} and changes" if changed else found


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=_HERE, check=True, capture_output=True, text=True, timeout=30)  # noqa: S603, S607 - git
    return done.stdout.strip()
