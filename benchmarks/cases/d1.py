"""D1, the notebook's downloads."""

from __future__ import annotations

from typing import Final

from benchmarks.cases import downloads
from benchmarks.cases.ideal import ideal_rate, ideal_said
from benchmarks.harness.case import Case, Contestant, Expectation, Group, Line

_SIZES: Final = (100, 1_000, 5_000)
_IN_FLIGHT: Final = 1_024
_NOTEBOOK_ROWS: Final = 40
_WARM_UP_ROWS: Final = 2_500


def build(images: int | None = None) -> Case:
    """Return the case."""
    sizes = _SIZES if images is None else (images,)
    groups = tuple(_group(rows) for rows in sizes)
    return Case(
        name="d1",
        title="The notebook's downloads: a redirect and a 44 kB picture, lognormal latency of 250 ms a hop",
        shows="the rate of the whole job in a warm session until the rows are readable in their sink, with the waits of a remote "
        "host, at the same number of requests in flight as the server counts them where nothing else is said",
        shows_not="a network's own limits: clients and server share one machine, its cores and its loopback; the bare client "
        "beside them says what the server and the machine can give at most",
        groups=groups,
        minutes=10,
        rounds=2,
        columns=(
            "rows_per_second",
            "ratio",
            "share_of_ideal",
            "peak_in_flight",
            "rows_ok",
            "requests_per_row",
            "cpu_seconds_per_1000_rows",
            "python_worker_peak_rss_mb",
            "jvm_peak_rss_mb",
        ),
        expectations=_expectations(groups[-1].name) if groups[-1].rows >= _SIZES[-1] else (),
    )


def _group(rows: int) -> Group:
    return Group(
        name=f"{rows} images",
        rows=rows,
        server=downloads.images(downloads.REMOTE),
        order={"paths": downloads.PICTURES},
        contestants=_contestants(rows),
        baseline="bare",
        ours="spark_parquet",
        warm_up_rows=_WARM_UP_ROWS,
        timeout_s=120,
        ideal_rows_per_second=ideal_rate(rows, _IN_FLIGHT, downloads.LATENCY_S),
        ideal_in_flight=_IN_FLIGHT,
        ideal=ideal_said(_IN_FLIGHT),
    )


def _contestants(rows: int) -> tuple[Contestant, ...]:
    each = _IN_FLIGHT // downloads.TASKS
    return (
        downloads.bare(_IN_FLIGHT),
        downloads.engine(downloads.fixed(_IN_FLIGHT), f"{_IN_FLIGHT} in flight"),
        downloads.spark("spark_noop", downloads.fixed(each), f"{each} in flight each", sink="noop"),
        downloads.spark("spark_parquet", downloads.fixed(each), f"{each} in flight each"),
        downloads.spark("spark_default", downloads.adaptive(), "no settings (adaptive, at most 64 each)"),
        downloads.daft("daft_same_in_flight", _IN_FLIGHT // 4),
        downloads.img2dataset(each),
        downloads.notebook(_NOTEBOOK_ROWS),
        *(_at_the_largest() if rows >= _SIZES[-1] else ()),
    )


def _at_the_largest() -> tuple[Contestant, ...]:
    """Return those whose rate hardly depends on how many rows there are, or who take long."""
    return (
        downloads.spark("spark_fixed_64", downloads.fixed(64), "64 in flight each"),
        downloads.daft("daft_64", 64),
        downloads.ray(),
    )


def _expectations(group: str) -> tuple[Expectation, ...]:
    def rate(text: str, ours: str, over: str, at_least: float) -> Expectation:
        return Expectation(
            text=f"{group}: {text}", line=Line(group=group, contestant=ours), over=Line(group=group, contestant=over),
            figure="rows_per_second", at_least=at_least,
        )  # fmt: skip

    return (
        rate("rate to Parquet over the bare client's", "spark_parquet", "bare", 0.85),
        rate("rate to Parquet over Daft's at the same number in flight", "spark_parquet", "daft_same_in_flight", 1.8),
        rate("rate to Parquet over the notebook's UDF", "spark_parquet", "notebook", 200),
        rate("rate with no settings over that of 64 fixed for each task", "spark_default", "spark_fixed_64", 0.8),
    )
