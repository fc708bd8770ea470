"""I4, payload: pictures of 12 megapixels."""

from __future__ import annotations

from typing import Final

from benchmarks.cases import descriptions
from benchmarks.harness.case import Case, Expectation, Group, Line, Pictures

_ROWS: Final = 100
_WIDTH: Final = 4_000
_HEIGHT: Final = 3_000
# Cameras store 90 and more.
_QUALITY: Final = 90
_EACH: Final = 16
_NAME: Final = "4,000 x 3,000 pixels"


def build(images: int | None = None) -> Case:
    """Return the case."""
    as_it_comes = {"max_in_flight_per_task": _EACH, "max_image_side_px": _WIDTH}
    group = Group(
        name=_NAME,
        rows=images or _ROWS,
        server=descriptions.model(latency={"mean_s": 0.2}),
        pictures=Pictures(width=_WIDTH, height=_HEIGHT, quality=_QUALITY),
        contestants=(
            descriptions.spark("resized", {"max_in_flight_per_task": _EACH}, "resized to 1,024 pixels (the default)"),
            descriptions.spark("as_it_comes", as_it_comes, "sent as they come"),
            descriptions.bare(2 * _EACH),
        ),
        baseline="as_it_comes",
        ours="resized",
        requests_per_row=1,
        timeout_s=240,
    )
    return Case(
        name="i4",
        title="Payload: pictures of 4,000 x 3,000 pixels in quality 90, with and without resizing before upload",
        shows="the bytes that go to the model for each picture, and the client's CPU seconds that making them fewer costs",
        shows_not="what an upload costs on a real network, nor what large pictures cost in tokens",
        groups=(group,),
        minutes=1,
        rounds=5,
        columns=(
            "megabytes_sent_per_row",
            "cpu_seconds_per_1000_rows",
            "ratio_cpu_seconds_per_1000_rows",
            "rows_per_second",
            "rows_ok",
        ),
        plotted="megabytes_sent_per_row",
        expectations=(
            Expectation(
                text="bytes sent as they come over bytes sent resized",
                line=Line(group=_NAME, contestant="as_it_comes"),
                over=Line(group=_NAME, contestant="resized"),
                figure="megabytes_sent_per_row",
                at_least=5,
            ),
        ),
    )
