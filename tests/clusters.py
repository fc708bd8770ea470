"""A standalone Spark cluster on the loopback address, from nothing but pip's pyspark."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pyspark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_HOST = "127.0.0.1"
_START_TIMEOUT_S = 240
_STOP_TIMEOUT_S = 10
_Found = TypeVar("_Found")


@contextlib.contextmanager
def standalone_cluster(workers: int = 2, cores_each: int = 1, *, on_hosts_of_their_own: bool = False) -> Iterator[str]:
    """Yield the `spark://` address of a master with registered workers; all end with the block, whatever happens in it.

    Spark repeats a slow task on another host only: workers on hosts of their own are on 127.0.0.1, 127.0.0.2 and so on.
    """
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as daemons:
        log = Path(folder) / "master.log"
        master = daemons.enter_context(
            _daemon("master.Master", ["--host", _HOST, "--port", "0", "--webui-port", "0"], log, Path(folder))
        )
        address = _wait_for(lambda: re.search(rf"Starting Spark master at (spark://{_HOST}:\d+)", log.read_text()), master, log)[
            1
        ]
        for number in range(workers):
            host = f"127.0.0.{1 + number}" if on_hosts_of_their_own else _HOST
            options = ["--host", host, "--port", "0", "--webui-port", "0", "--cores", str(cores_each), "--memory", "1g"]
            worker_log = Path(folder) / f"worker-{number}.log"
            work_dir = ["--work-dir", str(Path(folder) / f"work-{number}")]
            daemons.enter_context(_daemon("worker.Worker", [*options, *work_dir, address], worker_log, Path(folder)))
        _wait_for(lambda: log.read_text().count("Registering worker") >= workers or None, master, log)
        yield address


@contextlib.contextmanager
def _daemon(java_class: str, options: list[str], log: Path, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run one of Spark's daemons as the leader of a process group of its own, so that what it starts ends with it."""
    spark_class = Path(pyspark.__file__).parent / "bin" / "spark-class"
    environment = {**os.environ, "SPARK_LOCAL_IP": _HOST, "SPARK_LOCAL_DIRS": str(folder), "PYSPARK_PYTHON": sys.executable}
    environment |= {"SPARK_DAEMON_MEMORY": "256m", "SPARK_CONF_DIR": _info_logging(folder)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [spark_class, f"org.apache.spark.deploy.{java_class}", *options],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _end_group(process)


def _info_logging(folder: Path) -> str:
    lines = ["rootLogger.level = info", "rootLogger.appenderRef.console.ref = console"]
    lines += ["appender.console.type = Console", "appender.console.name = console", "appender.console.target = SYSTEM_ERR"]
    lines += ["appender.console.layout.type = PatternLayout", "appender.console.layout.pattern = %m%n"]
    (folder / "log4j2.properties").write_text("\n".join(lines))
    return str(folder)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):  # ended by itself, and all its children
            os.killpg(process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):  # then it is killed
            process.wait(_STOP_TIMEOUT_S)
            return


def _wait_for(look: Callable[[], _Found | None], process: subprocess.Popen[bytes], log: Path) -> _Found:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while (found := look()) is None:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the cluster did not start: {log.read_text()[-2000:]}")
        time.sleep(0.1)
    return found
