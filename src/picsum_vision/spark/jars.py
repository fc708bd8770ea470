"""Which jars bring Iceberg or Delta to the installed Spark, and where they come from."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import re
import zipfile
from importlib import resources
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Literal

from picsum_vision.errors import EnvironmentProblem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

TableFormat = Literal["iceberg", "delta"]

# Tried pairs. A jar is made for one minor version of Spark and its Scala; pip's Spark 3.5 is built for Scala 2.12.
COORDINATES: Final[Mapping[str, Mapping[TableFormat, str]]] = {
    "3.5": {
        "iceberg": "org.apache.iceberg:iceberg-spark-runtime-3.5_2.12:1.10.1",
        "delta": "io.delta:delta-spark_2.12:3.3.2",
    },
    "4.0": {
        "iceberg": "org.apache.iceberg:iceberg-spark-runtime-4.0_2.13:1.10.1",
        "delta": "io.delta:delta-spark_2.13:4.0.0",
    },
    "4.1": {
        "iceberg": "org.apache.iceberg:iceberg-spark-runtime-4.1_2.13:1.12.0",
        "delta": "io.delta:delta-spark_4.1_2.13:4.3.1",
    },
}

# Where Spark 4 keeps them by itself.
_CACHE: Final = "~/.ivy2.5.2"
_CACHE_REMEDY: Final = "set spark.jars.ivy to a folder that can be written to"
_LOCK_NAME: Final = "picsum-vision.lock"
_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class SparkInstallation:
    """The Spark that pyspark starts: `version` such as "4.1.4", and the folder `home` with its jars."""

    version: str
    home: Path

    @property
    def minor_version(self) -> str:
        """The version without its patch level, such as "4.1"."""
        return ".".join(self.version.split(".")[:2])


def check_installation(spark: SparkInstallation, spark_home_variable: str | None) -> None:
    """Refuse a SPARK_HOME that holds another Spark than the installed pyspark: the two could not talk to each other."""
    versions = [
        match[1] for jar in (spark.home / "jars").glob("spark-core_*.jar") if (match := re.search(r"-(\d+\.\d+)", jar.name))
    ]
    if versions and versions[0] != spark.minor_version:
        raise EnvironmentProblem(
            f"SPARK_HOME={spark_home_variable} is Spark {versions[0]}, but the installed pyspark is {spark.version}: "
            "unset SPARK_HOME, or install the pyspark of that version"
        )


def table_jar(spark: SparkInstallation, table_format: TableFormat) -> str:
    """Return the Maven coordinates, `group:artifact:version`, that bring a table format to this Spark.

    Raises EnvironmentProblem, naming the versions that work, for a Spark that none is known for.
    """
    try:
        return COORDINATES[spark.minor_version][table_format]
    except KeyError:
        raise EnvironmentProblem(
            f"pyspark {spark.version}: no {table_format} jar is known for it; it works with Spark {', '.join(COORDINATES)} "
            f"(pip install 'pyspark=={list(COORDINATES)[-1]}.*'), or name the jar yourself as spark.jars.packages or spark.jars"
        ) from None


def check_connect_server_jar(spark: SparkInstallation, asked: Mapping[str, str]) -> None:
    """Refuse to start Spark Connect's server where its jar is missing: Spark 4 has it on board, pip's Spark 3.5 has not."""
    if not _is_named("spark-connect_", _present_jars(spark, asked)):
        raise EnvironmentProblem(
            f"remote: Spark {spark.version} has no Spark Connect server on board: use a master, install Spark 4, "
            "or name the server's jar as spark.jars.packages"
        )


def jar_settings(spark: SparkInstallation, table_format: TableFormat, asked: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that make Spark load the format's jar, beside the jars that `asked` names.

    Nothing is added for a jar that is there already: in Spark's own folder, `spark.jars` or `spark.jars.packages`.
    """
    packages = _listed(asked.get("spark.jars.packages"))
    if not _is_named("iceberg-spark-runtime" if table_format == "iceberg" else "delta-spark", _present_jars(spark, asked)):
        packages.append(table_jar(spark, table_format))
    if not packages:
        return {}
    settings = {"spark.jars.packages": ",".join(packages), "spark.jars.ivy": _cache_folder(asked.get("spark.jars.ivy"))}
    if "spark.jars.ivySettings" not in asked and "spark.jars.repositories" not in asked:
        settings["spark.jars.ivySettings"] = str(packaged_file("ivysettings.xml"))
    return settings


def _cache_folder(asked: str | None) -> str:
    """Return the folder where downloaded jars are kept, made if need be: Ivy waits for ever for a lock where it cannot write."""
    folder = Path(asked or _CACHE).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentProblem(f"jars cannot be kept at {folder} ({error.strerror}): {_CACHE_REMEDY}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise EnvironmentProblem(f"jars cannot be kept at {folder} (Permission denied): {_CACHE_REMEDY}")
    return str(folder)


@contextlib.contextmanager
def cache_lock(settings: Mapping[str, str]) -> Iterator[None]:
    """Hold the lock of the jars' cache while a JVM starts: one process at a time downloads, those that need not start together.

    Ivy's own locks cover its cache, and give up after two minutes; nobody's cover the folder where Spark puts the jars that it
    loads, so that one process reads what another has half copied. What a killed process has left half copied is removed.
    """
    packages = _listed(settings.get("spark.jars.packages"))
    if not packages:
        yield
        return
    folder = Path(settings["spark.jars.ivy"])
    with (folder / _LOCK_NAME).open("a+b") as lock:
        _lock(lock, exclusive=False)
        if not _are_cached(packages, folder):
            _lock(lock, exclusive=True)
            if _are_cached(packages, folder):
                _lock(lock, exclusive=False)
            for jar in _broken_jars(folder):
                jar.unlink(missing_ok=True)
        yield


def _lock(file: IO[bytes], *, exclusive: bool) -> None:
    try:
        import fcntl  # noqa: PLC0415 - not on Windows
    except ImportError:
        return
    kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
    try:
        try:
            fcntl.flock(file.fileno(), kind | fcntl.LOCK_NB)
        except BlockingIOError:
            _log.info("another process is downloading jars to %s; waiting for it", Path(file.name).parent)
            fcntl.flock(file.fileno(), kind)
    except OSError as error:  # some network file systems have no locks
        _log.warning("%s cannot be locked (%s): do not start two sessions at once before the jars are there", file.name, error)


def _are_cached(packages: Iterable[str], folder: Path) -> bool:
    names = ["{}_{}-{}.jar".format(*package.split(":")) for package in packages if package.count(":") == 2]  # noqa: PLR2004
    return all((folder / "jars" / name).exists() for name in names) and not _broken_jars(folder)


def _broken_jars(folder: Path) -> list[Path]:
    return [jar for jar in (folder / "jars").glob("*.jar") if not zipfile.is_zipfile(jar)]


def packaged_file(name: str) -> Path:
    """Return the path of a file that lies beside this module."""
    return Path(str(resources.files(__package__).joinpath(name)))


def _listed(setting: str | None) -> list[str]:
    return [item.strip() for item in (setting or "").split(",") if item.strip()]


def _present_jars(spark: SparkInstallation, asked: Mapping[str, str]) -> list[str]:
    named = [*_listed(asked.get("spark.jars")), *_listed(asked.get("spark.jars.packages"))]
    return named + [jar.name for jar in (spark.home / "jars").glob("*.jar")]


def _is_named(artifact: str, jars: Iterable[str]) -> bool:
    return any(artifact in jar for jar in jars)
