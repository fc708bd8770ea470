"""D5, a limited host: 200 requests a second, 429 with Retry-After above."""

from __future__ import annotations

from typing import Any, Final

from benchmarks.cases import downloads
from benchmarks.contestants.protocol import STANDALONE_CLUSTER
from benchmarks.harness.case import Case, Expectation, Group, Line

_ROWS: Final = 6_000
_PER_SECOND: Final = 200
# 64 in flight would be the bound where one task waits half a second for a row.
_AT_MOST: Final = 256
_NAME: Final = "200 requests a second for each host"
_TOLD: Final = {"requests_per_second_per_host_total": _PER_SECOND}
_FOUR_TASKS: Final = {"master": "local[4]"}
_CLUSTER: Final = {"master": STANDALONE_CLUSTER}


def build(images: int | None = None) -> Case:
    """Return the case."""
    rows = images or _ROWS
    return Case(
        name="d5",
        title="A limited host: 200 requests a second to each of the two hosts, 429 with Retry-After above",
        shows="how near to the allowed rate the job comes and how many requests it wastes on refusals, in one task, in four "
        "and on a standalone cluster of two workers with one core each; without being told the limit, and told it",
        shows_not="limits of another kind (by client, by connection, with queues); how many of their rows the bare client and "
        "Daft have at the end stands beside them, for not everybody comes again when refused",
        groups=(_group(rows),),
        minutes=7,
        rounds=1,
        columns=("rows_per_second", "share_of_ideal", "wasted_share", "refused", "peak_in_flight", "rows_ok"),
        plotted="share_of_ideal",
        expectations=tuple(
            expectation
            for tasks in ("one", "four", "cluster")
            for kind in ("learnt", "told")
            for expectation in _expected(kind, tasks)
        ),
    )


def _group(rows: int) -> Group:
    learnt, told = downloads.adaptive(_AT_MOST), {**downloads.adaptive(_AT_MOST), **_TOLD}
    return Group(
        name=_NAME,
        rows=rows,
        server=downloads.images({**downloads.REMOTE, "rate_limit": {"requests_per_second": _PER_SECOND}}),
        order={"paths": downloads.PICTURES},
        contestants=(
            *(
                downloads.spark(f"{kind}_{name}", options, f"{said}{where}", tasks=tasks, session=session)
                for kind, options, said in (
                    ("learnt", learnt, f"at most {_AT_MOST} in flight each"),
                    ("told", told, "told the limit"),
                )
                for name, tasks, session, where in _places()
            ),
            downloads.bare(_AT_MOST),
            downloads.daft("daft_256", _AT_MOST // 4),
        ),
        baseline="learnt_one",
        ours="learnt_one",
        warm_up_rows=1_000,
        timeout_s=240,
        ideal_rows_per_second=_ideal(rows),
        ideal="a second's worth at once, then as many as the hosts allow",
    )


def _places() -> tuple[tuple[str, int, dict[str, Any], str], ...]:
    return (
        ("one", 1, downloads.SESSION, ""),
        ("four", 4, _FOUR_TASKS, ""),
        ("cluster", 2, _CLUSTER, ", on two workers"),
    )


def _ideal(rows: int) -> float:
    """Each host lets a second's worth through at once, then the rest evenly."""
    return rows / max(1.0, (rows - _PER_SECOND) / _PER_SECOND)


def _expected(kind: str, tasks: str) -> tuple[Expectation, ...]:
    line = Line(group=_NAME, contestant=f"{kind}_{tasks}")
    name = f"`{kind}_{tasks}`"
    return (
        Expectation(text=f"{name}: share of the ideal rate", line=line, figure="share_of_ideal", at_least=0.9),
        Expectation(text=f"{name}: wasted share of requests", line=line, figure="wasted_share", at_most=0.03),
    )
