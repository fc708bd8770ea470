"""What the cases of whole jobs share: both servers, and the contestants as each case sets them."""

from __future__ import annotations

from typing import Any, Final

from benchmarks.cases import descriptions, downloads
from benchmarks.harness.case import Contestant, Group

_EACH: Final = 64


def job(
    name: str,
    way: str,
    what: str,
    *,
    checkpoint_interval_s: float = 60,
    rows: int | None = None,
    partitions: int | None = downloads.TASKS,
    session: dict[str, Any] | None = None,
) -> Contestant:
    """Return a way to do the job; without `partitions` it has as many tasks as there are cores."""
    return Contestant(
        name=name,
        module="whole_job",
        what=f"{what}, {downloads.TASKS} tasks, into three Iceberg tables",
        session=session or downloads.SESSION,
        order={
            "way": way,
            "partitions": partitions,
            "download_options": downloads.fixed(_EACH),
            "options": {"max_in_flight_per_task": _EACH, **descriptions.EVERY_ROW},
            "checkpoint_interval_s": checkpoint_interval_s,
        },
        rows=rows,
    )


def group(name: str, rows: int, contestants: tuple[Contestant, ...], baseline: str) -> Group:
    """Return a group under the conditions of D1 and I1."""
    return Group(
        name=name,
        rows=rows,
        server=downloads.images(downloads.REMOTE),
        model=descriptions.model(),
        contestants=contestants,
        baseline=baseline,
        ours="pipeline",
        warm_up_rows=1_000,
        timeout_s=400,
    )
