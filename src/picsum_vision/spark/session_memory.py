"""How much memory the JVM of a local session gets."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from picsum_vision.errors import SettingError

_MIB: Final = 1 << 20
_LEAST_MIB: Final = 1024
_MOST_MIB: Final = 8192
# Spark itself refuses to start with less than 450 MiB.
_REFUSED_BELOW_MIB: Final = 512
_SHARE_OF_THE_JVM: Final = 0.25
_CONTAINER_LIMITS: Final = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_MIB_PER_UNIT: Final = {"k": 1 / 1024, "m": 1, "g": 1024, "t": 1024 * 1024}


def driver_memory_setting(asked: object) -> str:
    """Return Spark's `spark.driver.memory`: what was asked for, else a quarter of the machine, from 1 to 8 GB.

    The rest is for the Python workers, which hold the images in flight, and for the file cache.
    A machine that does not say how much it has counts as a small one.
    Raises SettingError for a value that Spark would not take, such as "lots" or "100m".
    """
    if asked is None:
        quarter = int(machine_memory_bytes() / _MIB * _SHARE_OF_THE_JVM)
        return f"{min(max(quarter, _LEAST_MIB), _MOST_MIB)}m"
    match = re.fullmatch(r"([1-9]\d*)([kmgt])b?", asked.strip().lower()) if isinstance(asked, str) else None
    if match is None or int(match[1]) * _MIB_PER_UNIT[match[2]] < _REFUSED_BELOW_MIB:
        raise SettingError(
            f'driver_memory: {asked!r} is not allowed; it must be a size of at least "512m", such as "1500m" or "4g"'
        )
    return f"{match[1]}{match[2]}"


def machine_memory_bytes() -> int:
    """Return the memory of the machine, or of the container if that has less; 0 if neither is known."""
    limits = [_physical_bytes(), *(_container_bytes(path) for path in _CONTAINER_LIMITS)]
    return min((limit for limit in limits if limit), default=0)


def _physical_bytes() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not every system tells
        return 0


def _container_bytes(path: Path) -> int:
    try:
        text = path.read_text(encoding="ascii").strip()
    except OSError:  # no such container
        return 0
    return int(text) if text.isdecimal() else 0
