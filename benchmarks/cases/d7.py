"""D7, scale: a thousand to a million rows of 1 kB."""

from __future__ import annotations

from typing import Final

from benchmarks.cases import downloads
from benchmarks.harness.case import Case, Expectation, Group, Line
from picsum_vision.options import DownloadOptions

_SIZES: Final = (1_000, 10_000, 100_000, 1_000_000)
_IN_FLIGHT: Final = 128
# Above this many rows a warm-up would only be a further round: the smaller groups have warmed everything. Nor does the bare
# client say more of a million rows than of a tenth of them.
_WARM_UP_UP_TO: Final = 10_000
_BARE_UP_TO: Final = 100_000
_WORKER_MB: Final = 250
_MB: Final = 1_000_000


def build(images: int | None = None) -> Case:
    """Return the case; with `images` its two largest groups are a tenth of them and all of them."""
    sizes = _SIZES if images is None else (max(1, images // 10), images)
    groups = tuple(_group(rows) for rows in sizes)
    smaller, largest = groups[-2].name, groups[-1].name
    return Case(
        name="d7",
        title="Scale: 1,000 to 1,000,000 rows of 1 kB, no latency, to noop",
        shows="whether seconds per row and memory stay flat as rows grow",
        shows_not="pictures of a usual size, or a sink: only what a row costs by being one more",
        groups=groups,
        minutes=3,
        rounds=1,
        columns=("seconds_per_row", "rows_per_second", "ratio", "python_worker_peak_rss_mb", "jvm_peak_rss_mb", "rows_ok"),
        plotted="seconds_per_row",
        expectations=(
            Expectation(
                text=f"seconds per row at {largest} over those at {smaller}",
                line=Line(group=largest, contestant="spark_noop"),
                over=Line(group=smaller, contestant="spark_noop"),
                figure="seconds_per_row",
                at_most=1.1,
            ),
            Expectation(
                text=f"the largest Python worker at {largest}, MB",
                line=Line(group=largest, contestant="spark_noop"),
                figure="python_worker_peak_rss_mb",
                at_most=_WORKER_MB + DownloadOptions().window_bytes_per_task // _MB,
            ),
        ),
    )


def _group(rows: int) -> Group:
    each = _IN_FLIGHT // downloads.TASKS
    return Group(
        name=f"{rows} rows",
        rows=rows,
        server=downloads.images({"warm_sizes": [[40, 30]]}),
        order={"paths": downloads.SMALL_PICTURES},
        contestants=(
            *([downloads.bare(_IN_FLIGHT)] if rows <= _BARE_UP_TO else []),
            downloads.spark("spark_noop", downloads.fixed(each), f"{each} in flight each", sink="noop"),
        ),
        baseline="bare" if rows <= _BARE_UP_TO else "spark_noop",
        ours="spark_noop",
        warm_up=rows <= _WARM_UP_UP_TO,
        timeout_s=max(60, rows / 500),
    )
