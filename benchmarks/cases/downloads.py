"""What the download cases share: the server's conditions, and the contestants as each case sets them."""

from __future__ import annotations

from typing import Any, Final

from benchmarks.harness.case import Contestant, Server

TASKS: Final = 2
PICTURES: Final = ("/seed/{n}/800/600",)
SMALL_PICTURES: Final = ("/seed/{n}/40/30",)
SESSION: Final = {"master": f"local[{TASKS}]"}
# Drawing pictures is not what is measured: they are drawn before the server listens.
WARM: Final[dict[str, Any]] = {"warm_sizes": [[800, 600]]}
LATENCY_S: Final = 0.25
REMOTE: Final[dict[str, Any]] = {**WARM, "latency": {"mean_s": LATENCY_S}}
# It may not end at all.
_RAY_PATIENCE_S: Final = 120
# Measured is the rate, not the patience: with a thousand requests at once on a small machine an answer may take long.
_PATIENCE: Final = {"total_timeout_s": 30, "allow_private_addresses": True}


def images(settings: dict[str, Any]) -> Server:
    """Return an image server."""
    return Server(kind="images", settings=settings)


def fixed(in_flight_per_task: int) -> dict[str, Any]:
    """Return the options that hold a task's requests in flight at a number."""
    return {
        "max_in_flight_per_task": in_flight_per_task,
        "max_in_flight_per_host_per_task": in_flight_per_task,
        **_PATIENCE,
    }


def adaptive(in_flight_per_task: int | None = None) -> dict[str, Any]:
    """Return the options that leave a host's limit to be found by trying, up to a number; None: no settings at all."""
    if in_flight_per_task is None:
        return {"allow_private_addresses": True}
    return {"max_in_flight_per_task": in_flight_per_task, **_PATIENCE}


def bare(in_flight: int, name: str = "bare") -> Contestant:
    """Return aiohttp alone."""
    what = f"aiohttp alone, one process, {in_flight} workers, nothing kept"
    return Contestant(name=name, module="bare_download", what=what, order={"in_flight": in_flight})


def engine(options: dict[str, Any], what: str, name: str = "engine") -> Contestant:
    """Return our engine without Spark."""
    what = f"our engine and Arrow bridge, one process, no Spark, {what}"
    return Contestant(name=name, module="engine_download", what=what, order={"options": options})


def spark(
    name: str,
    options: dict[str, Any],
    what: str,
    *,
    sink: str = "parquet",
    tasks: int = TASKS,
    session: dict[str, Any] | None = None,
) -> Contestant:
    """Return the library in Spark."""
    where = "to Parquet" if sink == "parquet" else "to noop"
    return Contestant(
        name=name,
        module="spark_download",
        what=f"`download` in Spark, {tasks} tasks, {what}, {where}",
        session=session or SESSION,
        order={"options": options, "sink": sink, "partitions": tasks},
    )


def daft(name: str, max_connections: int) -> Contestant:
    """Return Daft; the server counts about four times its `max_connections` here."""
    what = f"Daft, max_connections={max_connections}, to Parquet"
    return Contestant(
        name=name, module="daft_download", what=what, environment="daft", order={"max_connections": max_connections}
    )


def img2dataset(threads: int, processes: int = TASKS) -> Contestant:
    """Return img2dataset, which keeps the bytes as they came."""
    what = (
        f"img2dataset, {processes} processes of {threads} threads (started by each call, as it works), to Parquet, "
        "not re-encoded, no EXIF read, no digest made"
    )
    return Contestant(
        name="img2dataset",
        module="img2dataset_download",
        what=what,
        environment="img2dataset",
        order={"threads": threads, "processes": processes},
    )


def ray() -> Contestant:
    """Return Ray Data; how many it asks for at once is its own business."""
    return Contestant(
        name="ray",
        module="ray_download",
        what=f"Ray Data's `download` with its own settings, {TASKS} CPUs and as many blocks, to Parquet",
        environment="ray",
        session={"cpus": TASKS},
    )


def notebook(rows: int) -> Contestant:
    """Return the notebook's UDF, on fewer rows: its rate does not depend on how many there are."""
    return Contestant(
        name="notebook",
        module="notebook_download",
        what=f"the notebook's `requests` UDF, {TASKS} tasks, one request at a time each, on {rows} rows only, to Parquet",
        session=SESSION,
        order={"partitions": TASKS},
        rows=rows,
    )
