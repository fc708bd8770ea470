"""D3, no latency: what a row costs the client."""

from __future__ import annotations

from typing import Final

from benchmarks.cases import downloads
from benchmarks.harness.case import Case, Expectation, Group, Line

_ROWS: Final = 20_000
_IN_FLIGHT: Final = 64


def build(images: int | None = None) -> Case:
    """Return the case."""
    rows = images or _ROWS
    each = _IN_FLIGHT // downloads.TASKS
    group = Group(
        name=f"{rows} images",
        rows=rows,
        server=downloads.images(downloads.WARM),
        order={"paths": downloads.PICTURES},
        contestants=(
            downloads.bare(_IN_FLIGHT),
            downloads.engine(downloads.fixed(_IN_FLIGHT), f"{_IN_FLIGHT} in flight"),
            downloads.spark("spark_noop", downloads.fixed(each), f"{each} in flight each", sink="noop"),
            downloads.spark("spark_parquet", downloads.fixed(each), f"{each} in flight each"),
            downloads.daft("daft_same_in_flight", _IN_FLIGHT // 4),
        ),
        baseline="bare",
        ours="spark_parquet",
        warm_up_rows=5_000,
        timeout_s=180,
    )
    return Case(
        name="d3",
        title="No latency: 20,000 downloads from a server that answers at once",
        shows="rows per second of client CPU (of Spark's Python workers; of the bare client's one process): what a row costs",
        shows_not="the rate on machines of their own: here the server takes a core of its own from whoever asks it, so the wall "
        "rate is that of server and client together; the JVM's share is in CPU seconds per 1,000 rows. The server answers "
        "each request before it looks at the next, so its peak in flight is always 1: at most 64 are on their way",
        groups=(group,),
        minutes=2,
        rounds=5,
        columns=(
            "rows_per_second", "ratio", "rows_per_client_cpu_second", "ratio_rows_per_client_cpu_second",
            "cpu_seconds_per_1000_rows", "rows_ok",
        ),
        plotted="rows_per_client_cpu_second",
        expectations=(
            Expectation(
                text="rows per second of client CPU, to noop, over the bare client's",
                line=Line(group=group.name, contestant="spark_noop"),
                over=Line(group=group.name, contestant="bare"),
                figure="rows_per_client_cpu_second",
                at_least=0.8,
            ),
        ),
    )  # fmt: skip
