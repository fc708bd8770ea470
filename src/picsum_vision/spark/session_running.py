"""Add the table catalog to a Spark session that runs already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picsum_vision.errors import EnvironmentProblem
from picsum_vision.redaction import cause
from picsum_vision.spark.conf import session_setting
from picsum_vision.spark.session_output import telling_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import SparkSession

    from picsum_vision.spark.session_settings import TableCatalog

_REMEDY = "call spark.stop() and start a new Python process, or leave the setting out"


def is_connect(session: SparkSession) -> bool:
    """Tell whether the session is a Spark Connect client."""
    return "connect" in type(session).__module__


def add_catalog(session: SparkSession, tables: TableCatalog, jar: str) -> SparkSession:
    """Return a session of the running Spark that has the catalog: the given one, or else a new one beside it.

    A catalog once used keeps its folder for the life of its session, so another folder under the same name needs another session.
    Raises EnvironmentProblem, naming the `jar`, if the running Spark was started without the table format.
    """
    if tables.extension not in session_setting(session, "spark.sql.extensions"):
        raise EnvironmentProblem(
            f"Spark already runs in this process, and without {tables.table_format}'s extension: start a new Python process, "
            f"or start Spark with spark.jars.packages={jar} and spark.sql.extensions={tables.extension}"
        )
    wanted = tables.settings
    present = {key: session_setting(session, key) for key in wanted}
    if present != wanted and any(present.values()):
        if is_connect(session):
            # A second client of a server of this process would wait for it for minutes when either is stopped.
            raise EnvironmentProblem(
                f"catalog {tables.name} has another folder in this process's session: call spark.stop() first"
            )
        session = session.newSession()
    for key, value in wanted.items():
        if session_setting(session, key) != value:
            session.conf.set(key, value)
    check_table_format(session, tables, jar)
    return session


def check_table_format(session: SparkSession, tables: TableCatalog, jar: str) -> None:
    """Raise EnvironmentProblem, naming the `jar`, if the session's Spark lacks the classes of the table format."""
    from py4j.protocol import Py4JError  # type: ignore[import-untyped]  # noqa: PLC0415 - has no types; comes with Spark
    from pyspark.errors import PySparkException  # noqa: PLC0415

    catalog = tables.name if tables.table_format == "iceberg" else "spark_catalog"
    try:
        session.catalog.tableExists(f"`{catalog}`.default.any")  # whatever the answer, it loads the catalog
    except (PySparkException, Py4JError) as error:
        text = str(error)
        if not any(
            sign in text for sign in ("ClassNotFound", "Cannot find catalog plugin class", "CATALOG_NOT_FOUND", "NoClassDefFound")
        ):
            raise EnvironmentProblem(f"catalog {catalog}: {telling_line(text)}") from cause(error)
        raise EnvironmentProblem(
            f"Spark was already started in this process, without {tables.table_format}'s jar, and cannot load it any more: "
            f"start a new Python process, or start Spark with spark.jars.packages={jar}"
        ) from cause(error)


def check_unchangeable(session: SparkSession, wanted: Mapping[str, str | None]) -> None:
    """Refuse settings that the running Spark has otherwise and that only its start could set (None: not asked for)."""
    for key, value in wanted.items():
        present = session_setting(session, key)
        if value is not None and present != value:
            raise EnvironmentProblem(
                f"{key}: {value!r} is not possible, Spark already runs in this process with {present!r}: {_REMEDY}"
            )


def set_asked(session: SparkSession, asked: Mapping[str, str]) -> None:
    """Set the user's own settings on a running session. Raises EnvironmentProblem for one that only Spark's start could set."""
    for key, value in asked.items():
        if session_setting(session, key) == value:
            continue
        if not session.conf.isModifiable(key):
            check_unchangeable(session, {key: value})
        session.conf.set(key, value)
