"""What all tests share: the properties' profile, and one Spark for those that need no Spark of their own."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from picsum_vision.testing.image_server import ImageServer

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# The wheel is judged on the same examples every time; whoever works on the code gets new ones with each run.
settings.register_profile("new examples", deadline=None)
settings.register_profile("same examples", deadline=None, derandomize=True)
settings.load_profile("same examples" if {"CI", "PICSUM_VISION_WHEEL"} & os.environ.keys() else "new examples")

# A script's background job ignores Ctrl-C, and so do all its children; some tests interrupt processes of their own.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A JVM that lives for a minute gains nothing from what Java's second compiler spends half of its time on. Spark hands these on to
# each driver, also in the processes that tests start, and to the daemons of a cluster. Without that compiler Java's room for
# compiled code is 48 MB, which a session of many tests fills: then it is swept and compiled anew all the time.
for name in ("SPARK_SUBMIT_OPTS", "SPARK_DAEMON_JAVA_OPTS"):
    os.environ.setdefault(name, "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Spread the tests over processes, where there are several (`pytest -n 4 --dist loadgroup`): see CONTRIBUTING.md.

    All that share a Spark session go to one process, but for the tests of whole jobs, which have one of their own: one alone
    would be at it when all others have ended. Those that need Spark Connect's port go to one, too; the others go by file. What
    takes longest begins first.
    """
    if not hasattr(config, "workerinput"):
        return
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))
    items.sort(key=_rank)


_DOWNLOAD = """
import sys
from picsum_vision.spark.session import local_session
local_session(sys.argv[1], extra_conf={"spark.jars.packages": sys.argv[2]}).stop()
"""


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Get the jars that are not here yet, by one process, before xdist starts those that need them.

    Where they cannot be had, the tests that need them say so.
    """
    if not getattr(session.config.option, "numprocesses", None) or hasattr(session.config, "workerinput"):
        return
    from picsum_vision.spark.jars import _are_cached, table_jar
    from picsum_vision.spark.session import spark_installation

    packages = packages_of_tests()
    needed = [*packages, table_jar(spark_installation(), "iceberg")]
    if not _are_cached(needed, Path("~/.ivy2.5.2").expanduser()):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, "-c", _DOWNLOAD, folder, ",".join(packages)], check=False)


def packages_of_tests() -> list[str]:
    """Return the Maven coordinates of what tests need beside Iceberg."""
    from picsum_vision.spark.jars import table_jar
    from picsum_vision.spark.session import spark_installation

    return [table_jar(spark_installation(), "delta"), "org.xerial:sqlite-jdbc:3.46.1.3"]


_WHOLE_JOBS = ("tests/pipeline/", "tests/progress/", "tests/sizing/", "tests/test_pipeline.py")


def _group(item: pytest.Item) -> str:
    names = getattr(item, "fixturenames", ())
    if "spark" in names:
        return "spark, whole jobs" if item.nodeid.startswith(_WHOLE_JOBS) else "spark"
    return "connect" if "connect_port" in names else item.nodeid.partition("::")[0]


def _rank(item: pytest.Item) -> int:
    starts_spark = item.get_closest_marker("spark") or item.get_closest_marker("slow")
    return 0 if "spark" in getattr(item, "fixturenames", ()) else 1 if starts_spark else 2


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """Give the one session of this process: two cores, Iceberg tables in a folder of their own, Delta tables by path.

    It is a classic one; with PICSUM_VISION_TEST_REMOTE=local[2] it is one of Spark Connect.

    Whoever writes tables takes a schema of their own; whoever needs other settings starts a process of their own.
    """
    # Most tests need no Spark.
    from picsum_vision.spark.session import local_session

    session = local_session(
        tmp_path_factory.mktemp("warehouse"),
        **({"remote": remote} if (remote := os.environ.get("PICSUM_VISION_TEST_REMOTE")) else {"master": "local[2]"}),
        driver_memory="2g",
        extra_conf={
            "spark.sql.shuffle.partitions": "2",
            "spark.jars.packages": ",".join(packages_of_tests()),
            "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
            "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
            "spark.databricks.delta.snapshotPartitions": "2",
            "spark.sql.sources.parallelPartitionDiscovery.parallelism": "4",
            "spark.executorEnv.MODEL_API_KEY": "a-key",  # where the documentation's examples read it
        },
    )
    yield session
    session.stop()


@pytest.fixture
def mlflow_store(tmp_path: Path) -> Iterator[Path]:
    """Point MLflow to a database of the test's own; afterwards it, and the environment that it writes to, is as before."""
    mlflow = pytest.importorskip("mlflow")
    before = os.environ.get("MLFLOW_TRACKING_URI")
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    yield tmp_path / "mlflow.db"
    mlflow.set_tracking_uri(before)  # None takes it out of the environment, too


@pytest.fixture
def connect_port() -> Iterator[None]:
    """Let one test at a time, of all that run on this machine, have pyspark's fixed port of Spark Connect."""
    with (Path(tempfile.gettempdir()) / "picsum-vision-tests-connect.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and _is_taken(15002):
            time.sleep(1)
        yield


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="session")
def image_server() -> Iterator[ImageServer]:
    """Give an image server without faults or latency; whoever counts its requests starts one of their own."""
    with ImageServer() as server:
        yield server
