"""The Spark session of a laptop or a small cluster, with its catalog of tables: settings only, no server."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from picsum_vision.errors import EnvironmentProblem, MissingExtraError, SettingError
from picsum_vision.spark import session_launch, session_running
from picsum_vision.spark.jars import (
    COORDINATES,
    SparkInstallation,
    TableFormat,
    check_connect_server_jar,
    check_installation,
    jar_settings,
)
from picsum_vision.spark.java import require_java
from picsum_vision.spark.session_address import check_connect_port_is_free, check_connect_server, check_master, is_local_remote
from picsum_vision.spark.session_memory import driver_memory_setting
from picsum_vision.spark.session_settings import TableCatalog, session_settings
from picsum_vision.spark.session_warehouse import warehouse_location
from picsum_vision.validation import check_choice, check_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import SparkSession

# What Spark Connect's client imports, and the package that brings it.
_CONNECT_PACKAGES = {"grpc": "grpcio", "grpc_status": "grpcio-status", "google.rpc": "googleapis-common-protos"}


def local_session(
    warehouse: str | Path = "picsum-vision-data",
    *,
    master: str | None = None,
    remote: str | None = None,
    table_format: TableFormat = "iceberg",
    catalog: str = "platform_catalog",
    app_name: str = "picsum-vision",
    driver_memory: str | None = None,
    extra_conf: Mapping[str, str] | None = None,
    read_only: bool = False,
    setting_name: str = "warehouse",
) -> SparkSession:
    """Return a Spark session whose tables lie in the folder `warehouse`.

    With "iceberg" they are named `catalog.schema.table` and lie in `warehouse/schema/table`; with "delta" they go by path.
    The format's jars come from Maven Central at the first start and from the local cache afterwards.

    `master` is `local[N]` unless given, with two slots for each core: a job's next chunk begins in the second while the first
    waits for its last answers. It may be a standalone cluster (`spark://host:port`). `remote` is Spark Connect instead:
    `local[2]` starts a server here; `sc://host:port` uses a running one with that server's own catalogs, and everything else
    here but `extra_conf` is left aside. `driver_memory` ("4g") defaults to a quarter of the machine's memory, from 1 to 8 GB.
    `extra_conf` wins over every setting of ours; its packages, extensions and Java options are added to them.
    With `read_only` the folder may be one that you may only read; nothing keeps you from writing to another.
    The workers run the Python of this process: PYSPARK_PYTHON is set, unless the user has set it for a cluster.

    If Spark runs in this process already, it is used: the catalog is added to its session, or to a new session beside it if
    the catalog has another folder there (with Spark Connect that is an error).

    Raises SettingError for a wrong setting (a bad `warehouse` is called `setting_name`), JavaProblem, MissingExtraError, and
    EnvironmentProblem for anything else that is missing; nothing was started then.
    """
    if importlib.util.find_spec("pyspark") is None:
        raise MissingExtraError("pyspark", "local")
    asked = _text_settings(extra_conf or {})
    remote = _asked_remote(master, remote)
    if remote is not None and not is_local_remote(remote):
        return _remote_session(remote, asked)
    check_choice("table_format", table_format, ("iceberg", "delta"))
    check_text("app_name", app_name)
    location = warehouse_location(warehouse, setting_name, read_only=read_only)
    tables = TableCatalog(table_format=table_format, name=catalog, location=location)
    if driver_memory is not None:
        asked["spark.driver.memory"] = driver_memory_setting(driver_memory)
    if master is not None:
        check_master(master)
    running = session_launch.running_session()
    if running is not None:
        return _use_running(running, tables, master=master, remote=remote, asked=asked)
    return _start(
        tables,
        master=remote or master or asked.get("spark.master", f"local[{2 * (os.cpu_count() or 1)}]"),
        remote=remote,
        app_name=app_name,
        asked=asked,
    )


def spark_installation() -> SparkInstallation:
    """Return the Spark that pyspark would start. Raises EnvironmentProblem if there is only its client, or two versions clash."""
    import pyspark  # noqa: PLC0415 - Spark is optional

    variable = os.environ.get("SPARK_HOME")
    spark = SparkInstallation(pyspark.__version__, Path(variable) if variable else Path(pyspark.__file__).parent)
    if not (spark.home / "jars").is_dir():
        remedy = "unset SPARK_HOME" if variable else "pip install 'picsum-vision[local]', or give a remote"
        raise EnvironmentProblem(f"{spark.home} has no Spark that can be started (no folder jars): {remedy}")
    check_installation(spark, variable)
    return spark


def _start(tables: TableCatalog, *, master: str, remote: str | None, app_name: str, asked: dict[str, str]) -> SparkSession:
    spark = spark_installation()
    require_java(spark.version)
    if remote is not None:
        _require_connect_client()
        check_connect_server_jar(spark, asked)
        check_connect_port_is_free()
    asked = {"spark.driver.memory": driver_memory_setting(None), **asked, "spark.master": master}
    settings = session_settings(tables, app_name=app_name, asked=asked)
    settings |= jar_settings(spark, tables.table_format, asked)
    _set_worker_python(master, asked)
    jvm_was_running = session_launch.jvm_is_running()
    session = session_launch.start_session(settings, remote=remote)
    if jvm_was_running:
        session_running.check_table_format(session, tables, settings.get("spark.jars.packages", ""))
    return session


def _use_running(
    running: SparkSession, tables: TableCatalog, *, master: str | None, remote: str | None, asked: dict[str, str]
) -> SparkSession:
    is_connect = session_running.is_connect(running)
    if is_connect and "SPARK_LOCAL_REMOTE" not in os.environ:
        raise EnvironmentProblem(
            "this process is connected to a Spark Connect server, which has its own catalogs: call spark.stop() first"
        )
    if is_connect == (remote is None) and (master or remote):
        kind = "a Spark Connect session" if is_connect else "a Spark session without Spark Connect"
        raise EnvironmentProblem(f"this process already has {kind}, and cannot have both kinds: call spark.stop() first")
    session_running.check_unchangeable(running, {"spark.master": remote or master})
    jar = COORDINATES.get(".".join(running.version.split(".")[:2]), {}).get(tables.table_format, tables.table_format)
    session = session_running.add_catalog(running, tables, jar)
    session_running.set_asked(session, asked)
    return session


def _remote_session(remote: str, asked: dict[str, str]) -> SparkSession:
    _require_connect_client()
    check_connect_server(remote)
    return session_launch.connect_session(remote, asked)


def _asked_remote(master: str | None, remote: str | None) -> str | None:
    """Return the remote that was asked for, by argument or by Spark's own SPARK_REMOTE."""
    variable = os.environ.get("SPARK_REMOTE")
    if master is not None and remote is not None:
        raise SettingError(f"master: {master!r} is not allowed beside a remote; give one of the two")
    if master is not None and variable:
        raise SettingError(f"master: {master!r} is not allowed while the environment has SPARK_REMOTE; unset it")
    return remote or variable or None


def _text_settings(extra_conf: Mapping[str, object]) -> dict[str, str]:
    for key in extra_conf:
        if not key.startswith("spark."):
            raise SettingError(f"extra_conf: {key!r} is not allowed; it must be the name of a Spark setting, spark.*")
    return {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in extra_conf.items()}


def _require_connect_client() -> None:
    for module, package in _CONNECT_PACKAGES.items():
        try:
            found = importlib.util.find_spec(module)
        except ModuleNotFoundError:  # of a parent package
            found = None
        if found is None:
            raise MissingExtraError(package, "local")


def _set_worker_python(master: str, asked: Mapping[str, str]) -> None:
    """Make Spark's Python workers this Python; on a cluster, whose machines may differ, the user's own choice stands."""
    chosen = asked.get("spark.pyspark.python") or (None if master.startswith("local") else os.environ.get("PYSPARK_PYTHON"))
    os.environ["PYSPARK_PYTHON"] = chosen or sys.executable
    os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
