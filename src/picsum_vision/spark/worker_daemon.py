"""Spark's Python daemon for sessions on this machine, with pyspark from where it is installed.

Spark puts its own zipped copy of pyspark, the jar of its core and the jars of the table formats in front of the workers' module
path. Before each task pyspark forgets what it knows of that path, and reads the directories of these archives anew, in Python:
a fifth of a second of CPU for every task. The local session starts this module instead of `pyspark.daemon`
(`spark.python.daemon.module`).
"""

from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Final

# As Ivy names what it has fetched: these hold Java alone. A jar of somebody else's may well have Python in it.
_JARS_OF_TABLES: Final = ("org.apache.iceberg_iceberg-spark-runtime-", "io.delta_delta-")


class NoModules:
    """A finder for an archive that holds no module of Python."""

    @staticmethod
    def find_spec(fullname: str, target: ModuleType | None = None) -> ModuleSpec | None:
        """Find nothing."""
        del fullname, target
        return None

    @staticmethod
    def invalidate_caches() -> None:
        """Forget nothing."""


def finder_of_no_modules(entry: str) -> NoModules:
    """Be a hook of the module path for the table formats' jars, which a task's path names anew; raises ImportError for others."""
    if not _file_name(entry).startswith(_JARS_OF_TABLES):
        raise ImportError(entry)
    return NoModules()


def leave_out_archives(path: list[str]) -> list[str]:
    """Return the module path without Spark's archives; all of it where pyspark is nowhere else."""
    rest = [entry for entry in path if not _is_sparks_archive(entry)]
    before, sys.path = sys.path, rest
    try:
        found = importlib.util.find_spec("pyspark") is not None and importlib.util.find_spec("py4j") is not None
    finally:
        sys.path = before
    return rest if found else path


def _is_sparks_archive(entry: str) -> bool:
    name = _file_name(entry)
    return name == "pyspark.zip" or (name.startswith("py4j-") and name.endswith(".zip")) or name.endswith(".jar")


def _file_name(entry: str) -> str:
    return entry.replace("\\", "/").rpartition("/")[2]


def main() -> None:
    """Mend the path, then be `pyspark.daemon`."""
    sys.path = leave_out_archives(sys.path)
    for entry in [entry for entry in sys.path_importer_cache if _is_sparks_archive(entry)]:
        del sys.path_importer_cache[entry]
    sys.path_hooks.insert(0, finder_of_no_modules)
    from pyspark.daemon import manager  # noqa: PLC0415 - not before the path is right

    # Each worker is a fork of this process, and has what is imported here.
    import picsum_vision.spark.transforms  # noqa: F401, PLC0415 - the same

    manager()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
