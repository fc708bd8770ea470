"""What Python workers of local sessions start with, and what they look for modules in."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from picsum_vision.spark.jars import COORDINATES
from picsum_vision.spark.worker_daemon import finder_of_no_modules

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def ivys_name(coordinates: str) -> str:
    """Return how Ivy names the jar that it has fetched."""
    group, artifact, version = coordinates.split(":")
    return f"{group}_{artifact}-{version}.jar"


@pytest.mark.parametrize("jar", [name for formats in COORDINATES.values() for name in formats.values()])
def test_the_jars_of_tables_are_not_read(jar: str) -> None:
    """Every jar that a local session brings along is known for one without modules, in any folder."""
    finder = finder_of_no_modules(f"/tmp/userFiles/{ivys_name(jar)}")  # noqa: S108 - a name, not a file
    assert finder.find_spec("picsum_vision") is None


def test_modules_in_another_jar_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A jar of somebody else's may have Python in it, and is read."""
    jar = tmp_path / "org.somebody_tools-1.0.jar"
    with zipfile.ZipFile(jar, "w") as archive:
        archive.writestr("tools_of_somebody.py", "ANSWER = 42\n")
    monkeypatch.setattr(sys, "path_hooks", [finder_of_no_modules, *sys.path_hooks])
    monkeypatch.syspath_prepend(str(jar))
    import tools_of_somebody  # type: ignore[import-not-found]

    assert tools_of_somebody.ANSWER == 42


@pytest.mark.spark
def test_a_task_finds_the_library_and_reads_no_jar(spark: SparkSession) -> None:
    """On a worker of a local session the library is there before the task asks for it, and no jar of a table format is read."""

    def look(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import zipimport

        archives = [str(finder) for finder in sys.path_importer_cache.values() if isinstance(finder, zipimport.zipimporter)]
        found = {
            "has_library": "picsum_vision.spark.transforms" in sys.modules,
            "archives": ",".join(name for name in archives if "iceberg" in name or "delta" in name),
        }
        for _ in batches:
            yield pa.RecordBatch.from_pylist([found])

    (row,) = spark.range(1, numPartitions=1).mapInArrow(look, "has_library BOOLEAN, archives STRING").collect()
    assert row.has_library
    assert not row.archives
