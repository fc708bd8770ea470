"""A case with made-up runs, for what turns runs into results."""

from __future__ import annotations

from typing import Any

from benchmarks.harness.case import Case, Contestant, Expectation, Group, Line, Server

BARE = Line(group="g", contestant="bare")
OURS = Line(group="g", contestant="ours")
PEER = Line(group="g", contestant="peer")


def run(number: int, rate: float, **figures: float) -> dict[str, Any]:
    usual = {"rows_per_second": rate, "seconds": 100 / rate, "peak_in_flight": 64, "rows_ok": 100}
    return {"round": number, "figures": {**usual, **figures}}


def case(*expectations: Expectation) -> Case:
    lines = (
        Contestant(name="bare", module="bare_download", what="the baseline"),
        Contestant(name="ours", module="spark_download", what="the library"),
        Contestant(name="peer", module="daft_download", what="a peer", environment="daft"),
    )
    group = Group(name="g", rows=100, server=Server(), contestants=lines, baseline="bare", ours="ours")
    return Case(
        name="d0",
        title="T",
        shows="one thing",
        shows_not="another",
        groups=(group,),
        minutes=1,
        rounds=3,
        expectations=expectations,
    )


def runs() -> dict[tuple[str, str], list[dict[str, Any]]]:
    return {
        ("g", "bare"): [run(0, 1), run(1, 100), run(2, 200), run(3, 400)],
        ("g", "ours"): [run(0, 999), run(1, 50), run(2, 180), run(3, 100)],
        ("g", "peer"): [run(0, 1), {"round": 1, "failed": "no answer to 'run' within 5 s"}, run(2, 300), run(3, 200)],
    }
