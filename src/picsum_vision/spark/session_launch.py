"""Start Spark's JVM and a session in it. Every private name of pyspark that this library needs is used here."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from typing import TYPE_CHECKING

from picsum_vision.errors import EnvironmentProblem
from picsum_vision.redaction import cause
from picsum_vision.spark.session_address import connect_port_in_use
from picsum_vision.spark.session_output import StartupOutput, telling_line, why_not_started

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pyspark.sql import SparkSession

_LAST_WORDS_WAIT_S = 5.0


def jvm_is_running() -> bool:
    """Tell whether this process has started a JVM, whose jars and memory cannot be changed, even after `spark.stop()`."""
    from pyspark import SparkContext  # noqa: PLC0415 - Spark is optional

    return SparkContext._gateway is not None  # noqa: SLF001 - nothing public tells it


def running_session() -> SparkSession | None:
    """Return this process's Spark session, classic or Connect, also when another thread made it; None if there is none."""
    from pyspark import SparkContext  # noqa: PLC0415 - Spark is optional
    from pyspark.sql import SparkSession  # noqa: PLC0415

    active = SparkSession.getActiveSession()
    if active is not None or "SPARK_CONNECT_MODE_ENABLED" in os.environ:
        return active
    if SparkContext._active_spark_context is not None:  # noqa: SLF001 - nothing public tells it
        return SparkSession.builder.getOrCreate()
    return None


def start_session(settings: Mapping[str, str], *, remote: str | None = None) -> SparkSession:
    """Start a JVM with `settings`, unless this process has one, and a session in it.

    `remote`, such as "local[2]", makes it a Spark Connect session with a server in that JVM. What the start prints is not shown.
    Raises EnvironmentProblem, in one line, if Spark does not start.
    """
    from pyspark.sql import SparkSession  # noqa: PLC0415 - Spark is optional

    with _environment_of_the_jvm(remote):
        output = None if jvm_is_running() else _launch_jvm(settings)
        builder = SparkSession.builder.config(map=_builder_settings(settings, remote))
        session = _get_or_create(builder)
    if output is not None:
        output.pass_on()
    return session


def connect_session(remote: str, settings: Mapping[str, str]) -> SparkSession:
    """Connect to a Spark Connect server that runs elsewhere. Raises EnvironmentProblem, without the address's token."""
    from pyspark.sql import SparkSession  # noqa: PLC0415 - Spark is optional

    return _get_or_create(SparkSession.builder.config(map=_builder_settings(settings, remote)), remote)


def _launch_jvm(settings: Mapping[str, str]) -> StartupOutput:
    from pyspark import SparkConf, SparkContext  # noqa: PLC0415 - Spark is optional
    from pyspark.errors import PySparkException  # noqa: PLC0415
    from pyspark.java_gateway import launch_gateway  # noqa: PLC0415

    output = StartupOutput()
    conf = SparkConf(loadDefaults=False).setAll(list(settings.items()))
    try:
        gateway = launch_gateway(conf, {"stdout": output.write_end, "stderr": output.write_end})  # type: ignore[no-untyped-call]  # pyspark's
    except PySparkException as error:
        output.close_write_end()
        said = output.text(wait_s=_LAST_WORDS_WAIT_S)
        raise EnvironmentProblem(why_not_started(said, settings.get("spark.jars.packages", "its jars"))) from cause(error)
    output.close_write_end()
    SparkContext._ensure_initialized(gateway=gateway, conf=conf)  # noqa: SLF001 - Connect's start has no argument for a gateway
    return output


def _builder_settings(settings: Mapping[str, str], remote: str | None) -> dict[str, bool | float | int | str | None]:
    if remote is None:
        return dict(settings)
    return {**{key: value for key, value in settings.items() if key != "spark.master"}, "spark.remote": remote}


def _get_or_create(builder: SparkSession.Builder, remote: str | None = None) -> SparkSession:
    from py4j.protocol import Py4JError  # type: ignore[import-untyped]  # noqa: PLC0415 - has no types; comes with Spark
    from pyspark.errors import PySparkException  # noqa: PLC0415

    try:
        with warnings.catch_warnings():
            # Spark Connect tries to set on its client what only the server's start could set, and did.
            warnings.filterwarnings("ignore", message="Failed to set spark", category=UserWarning)
            return builder.getOrCreate()
    except (Py4JError, PySparkException, RuntimeError, OSError) as error:
        if "BindException" in str(error) and "SparkConnectService" in str(error):
            raise connect_port_in_use() from error
        text = str(error).replace("An error occurred while calling", "")
        said = telling_line(text.replace(remote, "remote") if remote else text)
        raise EnvironmentProblem(f"Spark did not start: {said}") from cause(error)


@contextlib.contextmanager
def _environment_of_the_jvm(remote: str | None) -> Iterator[None]:
    """Set what a starting JVM reads from the environment, and put it back afterwards."""
    changes: dict[str, str | None] = {} if remote is None else {"SPARK_REMOTE": None}
    if not _locale_is_utf8():
        # Java encodes file names as the locale says, and a plain C locale has no letters beyond ASCII.
        changes["LC_ALL"] = "C.UTF-8"
    before = {name: os.environ.get(name) for name in changes}
    _set_environment(changes)
    try:
        yield
    finally:
        _set_environment(before)


def _locale_is_utf8() -> bool:
    effective = os.environ.get("LC_ALL") or os.environ.get("LC_CTYPE") or os.environ.get("LANG") or ""
    return sys.platform in {"win32", "darwin"} or "utf-8" in effective.lower() or "utf8" in effective.lower()


def _set_environment(changes: Mapping[str, str | None]) -> None:
    for name, value in changes.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
