"""This machine, before any Spark is started: Python, packages, extras, Spark, Java, the table format's jar."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from picsum_vision.diagnosis.case import Case, Check
from picsum_vision.diagnosis.finding import Finding, failed_with, failure, ok, skipped, warning
from picsum_vision.errors import PicsumVisionError
from picsum_vision.spark.jars import COORDINATES, TableFormat, table_jar
from picsum_vision.spark.java import require_java
from picsum_vision.spark.session import spark_installation

_DISTRIBUTION: Final = "picsum-vision"
_OLDEST_PYTHON: Final = (3, 10)
# The newest Python that each Spark was tried with.
_NEWEST_PYTHON: Final = {"3.5": (3, 12), "4.0": (3, 13), "4.1": (3, 13)}
_REQUIREMENT: Final = re.compile(r"([A-Za-z0-9._-]+)\s*>=\s*([\d.]+)\s*$")
_JAR_FOLDERS: Final = ("~/.ivy2.5.2/jars", "~/.ivy2/jars")


def check_python(_: Case) -> Iterator[Finding]:
    """Look at the Python of this process."""
    name, version = "python", platform.python_version()
    spark = _minor(_version_of("pyspark") or "")
    newest = _NEWEST_PYTHON.get(spark)
    if sys.version_info[:2] < _OLDEST_PYTHON:
        yield failure(name, f"Python {version} is too old", "python3.12 -m venv .venv (Python 3.10 or newer)")
    elif newest is not None and sys.version_info[:2] > newest:
        words = ".".join(map(str, newest))
        yield warning(name, f"Python {version} is newer than Spark {spark} was tried with", f"python{words} -m venv .venv")
    else:
        yield ok(name, f"Python {version} at {sys.executable}")


def check_packages(_: Case) -> Iterator[Finding]:
    """Look at what the wheel's core needs, against its own floors."""
    name = "packages"
    wrong, seen = [], []
    for package, floor in _core_requirements():
        version = _version_of(package)
        if version is None or _parts(version) < _parts(floor):
            wrong.append(f"{package}>={floor}")
        seen.append(f"{package} {version or 'missing'}")
    if wrong:
        yield failure(name, ", ".join(seen), "pip install " + " ".join(f"'{each}'" for each in wrong))
    else:
        yield ok(name, f"{_DISTRIBUTION} {_version_of(_DISTRIBUTION)}: {', '.join(seen)}")


def check_spark(_: Case) -> Iterator[Finding]:
    """Look for pyspark, and whether it is a Spark that this library was tried with."""
    name, version = "spark", _version_of("pyspark") or _version_of("pyspark-client")
    if importlib.util.find_spec("pyspark") is None:
        yield failure(name, "pyspark is not installed", "pip install 'picsum-vision[local]'")
    elif version is not None and _minor(version) not in COORDINATES and not _is_databricks():
        newest = list(COORDINATES)[-1]
        yield warning(
            name, f"pyspark {version} was not tried; Spark {', '.join(COORDINATES)} were", f"pip install 'pyspark=={newest}.*'"
        )
    else:
        yield ok(name, f"pyspark {version or 'of the platform'}")


def check_java(case: Case) -> Iterator[Finding]:
    """Look for the Java that Spark would start."""
    if not case.starts_spark:
        yield skipped("java", "not needed here: Spark runs already, or elsewhere")
    elif importlib.util.find_spec("pyspark") is None:
        yield skipped("java", "which one is needed depends on the Spark that is missing")
    else:
        try:
            installation = spark_installation()
            yield ok("java", f"{require_java(installation.version)} fits Spark {installation.version}")
        except PicsumVisionError as problem:
            yield failed_with("java", problem)


def check_table_jar(case: Case) -> Iterator[Finding]:
    """Look whether a jar of the table format is known for this Spark, and whether it is here already."""
    name = "table jar"
    if not case.starts_spark or importlib.util.find_spec("pyspark") is None:
        yield skipped(name, "not needed here: Spark runs already, or elsewhere" if not case.starts_spark else "needs pyspark")
        return
    table_format: TableFormat = "iceberg" if case.config.tables.path is None else "delta"
    try:
        spark = spark_installation()
        jar = table_jar(spark, table_format)
    except PicsumVisionError as problem:
        yield failed_with(name, problem)
        return
    group, artifact, version = jar.split(":")
    files = [Path(folder).expanduser() / f"{group}_{artifact}-{version}.jar" for folder in _JAR_FOLDERS]
    if any(file.exists() for file in files) or any((spark.home / "jars").glob(f"{artifact}*")):
        yield ok(name, f"{jar} is here")
    else:
        yield warning(
            name,
            f"{jar} is not here yet; the first start fetches it from Maven Central",
            "nothing where Maven Central can be reached; else name a mirror as spark.jars.ivySettings, or the file as spark.jars",
        )


def _core_requirements() -> list[tuple[str, str]]:
    requirements = importlib.metadata.requires(_DISTRIBUTION) or []
    return [(match[1], match[2]) for match in map(_REQUIREMENT.match, requirements) if match]


def _version_of(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _is_databricks() -> bool:
    return "DATABRICKS_RUNTIME_VERSION" in os.environ


MACHINE_CHECKS: Final[dict[str, Check]] = {
    "python": check_python,
    "packages": check_packages,
    "spark": check_spark,
    "java": check_java,
    "table jar": check_table_jar,
}
