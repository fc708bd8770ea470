"""This machine, before any Spark is started: Python, packages, Spark, Java, the table format's jar, and the extras."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import importlib.util
import os
import platform
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from picsum_vision.describing.backends import OCR_LANGUAGES, PixelDescriber, PyFunc
from picsum_vision.describing.model_registry import settled
from picsum_vision.describing.pixel_extras import extras_needed, face_module, text_module
from picsum_vision.diagnosis.finding import Case, Check, Finding, failed_with, failure, ok, skipped, warning
from picsum_vision.errors import PicsumVisionError
from picsum_vision.spark.jars import COORDINATES, table_jar
from picsum_vision.spark.java import require_java
from picsum_vision.spark.session import spark_installation

_DISTRIBUTION: Final = "picsum-vision"
# The newest Python that each Spark was tried with.
_NEWEST_PYTHON: Final = {"3.5": (3, 12), "4.0": (3, 13), "4.1": (3, 13)}
_REQUIREMENT: Final = re.compile(r"([A-Za-z0-9._-]+)\s*>=\s*([\d.]+)\s*$")
_JAR_FOLDERS: Final = ("~/.ivy2.5.2/jars", "~/.ivy2/jars")
_OLDEST_MLFLOW_ON_CONNECT: Final = (2, 20)


def _python(_: Case) -> Iterator[Finding]:
    # The wheel's metadata refuses one that is too old.
    name, version = "python", platform.python_version()
    spark = _minor(version_of("pyspark") or "")
    newest = _NEWEST_PYTHON.get(spark)
    if newest is not None and sys.version_info[:2] > newest:
        words = ".".join(map(str, newest))
        yield warning(name, f"Python {version} is newer than Spark {spark} was tried with", f"python{words} -m venv .venv")
    else:
        yield ok(name, f"Python {version} at {sys.executable}")


def _packages(_: Case) -> Iterator[Finding]:
    wrong, seen = [], []
    for match in filter(None, map(_REQUIREMENT.match, importlib.metadata.requires(_DISTRIBUTION) or [])):
        package, floor = match.groups()
        version = version_of(package)
        if version is None or _parts(version) < _parts(floor):
            wrong.append(f"'{package}>={floor}'")
        seen.append(f"{package} {version or 'missing'}")
    if wrong:
        yield failure("packages", ", ".join(seen), f"pip install {' '.join(wrong)}")
    else:
        yield ok("packages", f"{_DISTRIBUTION} {version_of(_DISTRIBUTION)}: {', '.join(seen)}")


def _spark(_: Case) -> Iterator[Finding]:
    name, version = "spark", version_of("pyspark") or version_of("pyspark-client")
    if not _is_here("pyspark"):
        yield failure(name, "pyspark is not installed", "pip install 'picsum-vision[local]'")
    elif version is not None and _minor(version) not in COORDINATES and "DATABRICKS_RUNTIME_VERSION" not in os.environ:
        remedy = f"pip install 'pyspark=={list(COORDINATES)[-1]}.*'"
        yield warning(name, f"pyspark {version} was not tried; Spark {', '.join(COORDINATES)} were", remedy)
    else:
        yield ok(name, f"pyspark {version or 'of the platform'}")


def _java(case: Case) -> Iterator[Finding]:
    if reason := _needs_no_start(case):
        yield skipped("java", reason)
        return
    version = spark_installation().version
    yield ok("java", f"{require_java(version)} fits Spark {version}")


def _table_jar(case: Case) -> Iterator[Finding]:
    name = "table jar"
    if reason := _needs_no_start(case):
        yield skipped(name, reason)
        return
    spark = spark_installation()
    jar = table_jar(spark, "iceberg" if case.config.tables.path is None else "delta")
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


def _report(_: Case) -> Iterator[Finding]:
    if _is_here("jinja2"):
        yield ok("report", "the page with figures and gallery can be written")
    else:
        yield warning("report", "jinja2 is not installed: no page, no gallery", "pip install 'picsum-vision[report]'")


def _opencv(case: Case) -> Iterator[Finding]:
    yield _of_an_extra("opencv", "faces", case, lambda: f"OpenCV {face_module().__version__} counts faces")


def _tesseract(case: Case) -> Iterator[Finding]:
    language = case.config.task.language.partition("-")[0].lower()

    def look() -> str:
        text_module(language if language in OCR_LANGUAGES else "it")
        return f"the program and its data for {language!r} are here"

    yield _of_an_extra("tesseract", "ocr", case, look)


def _mlflow(case: Case) -> Iterator[Finding]:
    name, backend = "mlflow", case.config.backend
    if not isinstance(backend, PyFunc):
        words = "; installed" if _is_here("mlflow") else ": pip install 'picsum-vision[mlflow]'; not installed"
        yield skipped(name, f"not needed by this job{words}")
        return
    try:
        settled(backend)
    except PicsumVisionError as problem:
        found = failed_with(name, problem)
        remedy = found.remedy or "--model with one that MLflow has; MLFLOW_TRACKING_URI and MLFLOW_REGISTRY_URI say where"
        yield dataclasses.replace(found, remedy=remedy)
        return
    import mlflow  # noqa: PLC0415 - an extra

    is_connect = case.spark is not None and ".connect." in type(case.spark).__module__
    if is_connect and _parts(mlflow.__version__) < _OLDEST_MLFLOW_ON_CONNECT:
        yield warning(name, f"MLflow {mlflow.__version__} does not work on Spark Connect", "pip install 'mlflow>=2.20'")
    else:
        yield ok(name, f"MLflow {mlflow.__version__} has {backend.model_uri}")


def version_of(package: str) -> str | None:
    """Return a package's version here, None if it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _of_an_extra(name: str, extra: str, case: Case, look: Callable[[], str]) -> Finding:
    """Return what `look` says; its failure is one of the job only if the job needs the extra."""
    backend = case.config.backend
    try:
        return ok(name, look())
    except PicsumVisionError as problem:
        if isinstance(backend, PixelDescriber) and extra in extras_needed(backend, case.config.task):
            return failed_with(name, problem)
        return skipped(name, f"not needed by this job; {problem}")


def _needs_no_start(case: Case) -> str:
    if not case.starts_spark:
        return "not needed here: Spark runs already, or elsewhere"
    return "" if _is_here("pyspark") else "needs pyspark"


def _is_here(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


MACHINE_CHECKS: Final[dict[str, Check]] = {
    "python": _python,
    "packages": _packages,
    "spark": _spark,
    "java": _java,
    "table jar": _table_jar,
    "report": _report,
    "opencv": _opencv,
    "tesseract": _tesseract,
    "mlflow": _mlflow,
}
