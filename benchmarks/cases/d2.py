"""D2, wide: many images, many in flight."""

from __future__ import annotations

import dataclasses
from typing import Final

from benchmarks.cases import downloads
from benchmarks.cases.ideal import ideal_rate, ideal_said
from benchmarks.harness.case import Case, Contestant, Expectation, Group, Line

_ROWS: Final = 50_000
_IN_FLIGHT: Final = (512, 2_048)
_MANY: Final = 3_000
_DAFT_WIDEST: Final = 2_048


def build(images: int | None = None) -> Case:
    """Return the case."""
    rows = images or _ROWS
    names = {in_flight: f"{rows} images, {in_flight} in flight" for in_flight in _IN_FLIGHT}
    widest = names[_IN_FLIGHT[-1]]
    groups = tuple(_group(rows, in_flight, name, wide=name == widest) for in_flight, name in names.items())
    return Case(
        name="d2",
        title="Wide: 50,000 downloads, 512 and 2,048 in flight in all, lognormal latency of 250 ms a hop",
        shows="the steady rate when there is much to do, to Parquet, and whether adaptive limits find what fixed ones are given",
        shows_not="a real network; where the machine is the limit (the bare client says where), more in flight gives nothing",
        groups=groups,
        minutes=8,
        rounds=1,
        columns=("rows_per_second", "ratio", "peak_in_flight", "requests_per_row", "rows_ok", "jvm_peak_rss_mb"),
        expectations=(*(_twice_daft(name) for name in names.values()), *_of_the_widest(widest)),
    )


def _group(rows: int, in_flight: int, name: str, *, wide: bool) -> Group:
    each = in_flight // downloads.TASKS
    same = (
        downloads.bare(in_flight),
        downloads.spark("spark_parquet", downloads.fixed(each), f"{each} in flight each"),
        downloads.daft("daft_same_in_flight", in_flight // 4),
    )
    return Group(
        name=name,
        rows=rows,
        server=downloads.images(downloads.REMOTE),
        order={"paths": downloads.PICTURES},
        contestants=(*same, *(_wide() if wide else ())),
        baseline="bare",
        ours="spark_parquet",
        warm_up_rows=3_000,
        timeout_s=400,
        ideal_rows_per_second=ideal_rate(rows, in_flight, downloads.LATENCY_S),
        ideal_in_flight=in_flight,
        ideal=ideal_said(in_flight),
    )


def _wide() -> tuple[Contestant, ...]:
    each = _MANY // downloads.TASKS
    return (
        downloads.spark("spark_3000", downloads.fixed(each), f"{each} in flight each"),
        downloads.spark("spark_512_fixed", downloads.fixed(512), "512 in flight each"),
        downloads.spark("spark_512_adaptive", downloads.adaptive(512), "max_in_flight_per_task=512, adaptive"),
        downloads.daft("daft_2048", _DAFT_WIDEST),
    )


def _twice_daft(group: str) -> Expectation:
    return _rate(group, "rate over Daft's at the same number in flight", "spark_parquet", "daft_same_in_flight", 2)


def _of_the_widest(group: str) -> tuple[Expectation, ...]:
    over_daft = _rate(group, "rate at 3,000 in flight over Daft's best", "spark_3000", "daft_2048", 1)
    return (
        dataclasses.replace(over_daft, or_over=Line(group=group, contestant="daft_same_in_flight")),
        _rate(group, "rate of 512 left adaptive over 512 fixed", "spark_512_adaptive", "spark_512_fixed", 0.7),
    )


def _rate(group: str, text: str, ours: str, over: str, at_least: float) -> Expectation:
    return Expectation(
        text=f"{group}: {text}",
        line=Line(group=group, contestant=ours),
        over=Line(group=group, contestant=over),
        figure="rows_per_second",
        at_least=at_least,
    )
