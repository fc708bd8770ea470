"""Spark's Python daemon for sessions on this machine, with pyspark from where it is installed.

Spark puts its own zipped copy of pyspark, and the jar of its core, in front of the workers' module path. Before each task pyspark
forgets what it knows of that path, and reads the directories of both archives anew, in Python: a fifth of a second of CPU for
every task. The local session starts this module instead of `pyspark.daemon` (`spark.python.daemon.module`).
"""

from __future__ import annotations

import importlib.util
import sys


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
    name = entry.replace("\\", "/").rpartition("/")[2]
    return name == "pyspark.zip" or (name.startswith("py4j-") and name.endswith(".zip")) or name.endswith(".jar")


def main() -> None:
    """Mend the path, then be `pyspark.daemon`."""
    sys.path = leave_out_archives(sys.path)
    for entry in [entry for entry in sys.path_importer_cache if _is_sparks_archive(entry)]:
        del sys.path_importer_cache[entry]
    from pyspark.daemon import manager  # noqa: PLC0415 - not before the path is right

    manager()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
