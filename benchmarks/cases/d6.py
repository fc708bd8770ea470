"""D6, sizes: 1 kB to 20 MB mixed, and 20 MB only."""

from __future__ import annotations

from typing import Any, Final

from benchmarks.cases import downloads
from benchmarks.harness.case import Case, Expectation, Group, Line
from picsum_vision.options import DownloadOptions

_ROWS: Final = 2_000
_LARGE_ROWS: Final = 200
_MB: Final = 1_000_000
# The width of a picture says how large the server is to make it.
_SIZES: Final = {802: _MB, 803: 5 * _MB, 804: 20 * _MB}
_MIXED: Final = tuple(
    f"/seed/{{n}}/{size}" for size in ["40/30"] * 42 + ["800/600"] * 43 + ["802/600"] * 10 + ["803/600"] * 4 + ["804/600"]
)
_LARGE: Final = ("/seed/{n}/804/600",)
_WORKER_MB: Final = 250
_IN_FLIGHT: Final = 64


def build(images: int | None = None) -> Case:
    """Return the case."""
    groups = (
        _group("1 kB to 20 MB mixed", images or _ROWS, _MIXED),
        _group("20 MB each", min(images or _LARGE_ROWS, _LARGE_ROWS), _LARGE),
    )
    return Case(
        name="d6",
        title="Sizes: pictures of 1 kB to 20 MB mixed (1 % of 20 MB), and of 20 MB only",
        shows="that a Python worker's memory stays under its bound whatever comes: 250 MB and the window",
        shows_not="memory that the platform adds (the JVM's stands beside it), nor rates: padding to 20 MB keeps the server "
        "busy, as the bare client's rate says",
        groups=groups,
        minutes=3,
        rounds=1,
        columns=(
            "rows_per_second",
            "python_worker_peak_rss_mb",
            "jvm_peak_rss_mb",
            "main_peak_rss_mb",
            "peak_in_flight",
            "rows_ok",
        ),
        plotted="python_worker_peak_rss_mb",
        has_own_processes=True,
        expectations=tuple(_bound(group.name, name) for group in groups for name in ("spark_noop", "spark_parquet")),
    )


def _group(name: str, rows: int, paths: tuple[str, ...]) -> Group:
    return Group(
        name=name,
        rows=rows,
        server=downloads.images(_conditions()),
        order={"paths": paths},
        contestants=(
            downloads.bare(2 * _IN_FLIGHT),
            downloads.spark("spark_noop", downloads.fixed(_IN_FLIGHT), f"{_IN_FLIGHT} in flight each", sink="noop"),
            downloads.spark("spark_parquet", downloads.fixed(_IN_FLIGHT), f"{_IN_FLIGHT} in flight each"),
            downloads.daft("daft_same_in_flight", 2 * _IN_FLIGHT // 4),
        ),
        baseline="bare",
        ours="spark_parquet",
        timeout_s=240,
    )


def _conditions() -> dict[str, Any]:
    faults = [
        {"kind": "oversize", "host": "image", "path": f"/id/[0-9]+/{width}/", "size_bytes": size}
        for width, size in _SIZES.items()
    ]
    warm = [[40, 30], [800, 600], *([width, 600] for width in _SIZES)]
    return {"distinct_pictures": 16, "warm_sizes": warm, "latency": {"mean_s": 0.05}, "faults": faults}


def _bound(group: str, contestant: str) -> Expectation:
    window_mb = DownloadOptions().window_bytes_per_task // _MB
    return Expectation(
        text=f"{group}: the largest Python worker of `{contestant}`, MB",
        line=Line(group=group, contestant=contestant),
        figure="python_worker_peak_rss_mb",
        at_most=_WORKER_MB + window_mb,
    )
