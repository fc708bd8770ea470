"""I2, a limited model: 600 requests a minute."""

from __future__ import annotations

from typing import Any, Final

from benchmarks.cases import descriptions
from benchmarks.cases.downloads import SESSION
from benchmarks.contestants.protocol import STANDALONE_CLUSTER
from benchmarks.harness.case import Case, Expectation, Group, Line, Pictures

# What the model allows in a minute.
_ROWS: Final = 600
_PER_MINUTE: Final = 600
_BURST_S: Final = 1.0
_NAME: Final = "600 requests a minute"
_PLACES: Final[tuple[tuple[str, int, dict[str, Any], str], ...]] = (
    ("one", 1, SESSION, ""),
    ("four", 4, {"master": "local[4]"}, ""),
    ("cluster", 2, {"master": STANDALONE_CLUSTER}, ", on two workers"),
)


def build(images: int | None = None) -> Case:
    """Return the case."""
    names = [f"{kind}_{place}" for kind in ("learnt", "told") for place, *_ in _PLACES]
    return Case(
        name="i2",
        title="A limited model: 600 requests a minute, at most 10 at once, 429 with Retry-After above",
        shows="how near to the allowed rate the job comes and how many requests it wastes on refusals, in one task, in four "
        "and on a standalone cluster of two workers; without any setting, and told the limit",
        shows_not="a limit on tokens, or one that lets a whole minute's requests through at once, which is easier",
        groups=(_group(images or _ROWS),),
        minutes=9,
        rounds=1,
        columns=("rows_per_second", "share_of_ideal", "wasted_share", "refused", "peak_in_flight", "rows_ok"),
        plotted="share_of_ideal",
        expectations=tuple(expectation for name in names for expectation in _expected(name)),
    )


def _group(rows: int) -> Group:
    kinds: tuple[tuple[str, dict[str, Any], str], ...] = (
        ("learnt", {}, "no settings"),
        ("told", {"requests_per_minute_total": _PER_MINUTE}, "told the limit"),
    )
    at_once = _PER_MINUTE / 60 * _BURST_S
    return Group(
        name=_NAME,
        rows=rows,
        server=descriptions.model(requests_per_minute=_PER_MINUTE, limit_burst_s=_BURST_S),
        pictures=Pictures(),
        contestants=(
            *(
                descriptions.spark(f"{kind}_{place}", options, f"{said}{where}", tasks=tasks, session=session)
                for kind, options, said in kinds
                for place, tasks, session, where in _PLACES
            ),
            descriptions.bare(32),
            descriptions.daft("daft_32", 32),
        ),
        baseline="told_one",
        ours="told_one",
        requests_per_row=1,
        warm_up_rows=60,
        timeout_s=240,
        ideal_rows_per_second=rows / max(1.0, (rows - at_once) / (_PER_MINUTE / 60)),
        ideal="as many at once as the model allows, then one whenever it allows one",
    )


def _expected(contestant: str) -> tuple[Expectation, ...]:
    line = Line(group=_NAME, contestant=contestant)
    return (
        Expectation(text=f"`{contestant}`: share of the ideal rate", line=line, figure="share_of_ideal", at_least=0.9),
        Expectation(text=f"`{contestant}`: wasted share of requests", line=line, figure="wasted_share", at_most=0.02),
    )
