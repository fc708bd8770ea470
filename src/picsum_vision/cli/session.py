"""The Spark session and the tables that the flags ask for."""

from __future__ import annotations

import dataclasses
import logging
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Final

from picsum_vision.errors import MissingExtraError, SettingError
from picsum_vision.table_names import DEFAULT_CATALOG, Tables
from picsum_vision.validation import check_choice

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DEFAULT_OUTPUT: Final = "picsum-vision-data"


def choose_tables(
    tables: Tables,
    *,
    output: str | None,
    catalog: str | None,
    schema: str | None,
    table_format: str | None,
    master: str | None = None,
    remote: str | None = None,
) -> tuple[Tables, str | None]:
    """Return the tables and the folder that holds them, None where the session's own catalog does.

    `table_format` None is Delta where `tables` have a path, and Iceberg elsewhere.
    """
    if table_format is not None:
        check_choice("format", table_format, ("iceberg", "delta"))
    if master is not None and remote is not None:
        raise SettingError("master, remote: both given; choose one")
    names = {"catalog": catalog or tables.catalog, "schema": schema or tables.schema}
    elsewhere = on_databricks() or (remote or "").startswith("sc://")
    if elsewhere and output is not None:
        raise SettingError(f"output: {output!r} is not allowed where the session has its own catalog; use --catalog and --schema")
    if elsewhere:
        return dataclasses.replace(tables, **names), None
    if tables.path is not None and table_format == "iceberg":
        raise SettingError(
            f"format: 'iceberg' is not allowed with tables.path {tables.path!r}, where Delta tables are kept; leave one out"
        )
    folder = check_folder(output or tables.path or DEFAULT_OUTPUT)
    if table_format == "delta" or tables.path is not None:
        if catalog is not None or schema is not None:
            raise SettingError(
                "format: delta tables off Databricks are kept by path; leave --catalog and --schema out, or use iceberg"
            )
        return dataclasses.replace(tables, path=folder), folder
    return dataclasses.replace(tables, **names), folder


def open_session(
    tables: Tables, folder: str | None, *, master: str | None = None, remote: str | None = None, read_only: bool = False
) -> SparkSession:
    """Return the session: the cluster's own on Databricks, a local one with its table catalog elsewhere."""
    try:
        from picsum_vision.spark.session import local_session  # noqa: PLC0415 - Spark only where it is used
    except ImportError as error:
        raise MissingExtraError("pyspark", "local") from error
    if on_databricks():
        from pyspark.sql import SparkSession  # noqa: PLC0415

        return SparkSession.builder.getOrCreate()
    spark = local_session(
        folder or DEFAULT_OUTPUT,
        master=master,
        remote=remote,
        table_format="delta" if tables.path is not None else "iceberg",
        catalog=tables.catalog if tables.path is None else DEFAULT_CATALOG,
        read_only=read_only,
        setting_name="output",
    )
    # pyspark's own handler calls the JVM from inside a call to the JVM, which breaks both; the JVM ends with this process anyway.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # What py4j logs then, with stack traces, is that Ctrl-C came; it does so on its own logger and on the root itself.
    logging.getLogger("py4j").setLevel(logging.CRITICAL)
    logging.getLogger().addFilter(lambda record: "py4j" not in record.pathname)
    return spark


def on_databricks() -> bool:
    """Return whether this is a Databricks runtime, whose session and catalog are there already."""
    return "DATABRICKS_RUNTIME_VERSION" in os.environ


def check_folder(output: str) -> str:
    """Return the folder's absolute path; refuse a file."""
    path = Path(output).expanduser().absolute()
    if path.exists() and not path.is_dir():
        raise SettingError(f"output: {output!r} is a file; it must be a folder, which is made if it is missing")
    return str(path)
