"""What differs between two suites, figure by figure, and whether that is more than noise.

The rule: a figure has changed if all its repeats in the one suite lie on one side of all its repeats in the other. If nothing had
changed, that would happen with n and m repeats by chance in 2 * n! * m! / (n + m)! of all cases; where that is more than a tenth
(fewer than three repeats each), nothing is claimed. Of many figures some fall apart by chance all the same: how many is said.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from picsum_vision.sizing.figures import STAGES, Spread

if TYPE_CHECKING:
    from picsum_vision.sizing.result import SizeFigures, SizingResult

CHANCE_AT_MOST: Final = 0.1
CHANGED: Final = ("slower", "faster", "more", "less")
# The JVM's memory is how far its heap has grown since it began, and images a second are the seconds once more.
_LEFT_OUT: Final = ("images_per_second", "peak_memory_mb.jvm")
_STATUS: Final = "status."


@dataclasses.dataclass(frozen=True, kw_only=True)
class Change:
    """One figure in both suites. `has_same_rows`: in all repeats of both as many rows were ok."""

    images: int
    stage: str
    figure: str
    before: Spread
    after: Spread
    has_same_rows: bool = True

    @property
    def ratio(self) -> float:
        """The second suite's median over the first's."""
        if not self.before.median:
            return math.inf if self.after.median else 1.0
        return self.after.median / self.before.median

    @property
    def chance(self) -> float:
        """How often repeats of one and the same thing would fall apart into two groups like these."""
        n, m = len(self.before.values), len(self.after.values)
        return min(1.0, 2 / math.comb(n + m, n))

    @property
    def is_apart(self) -> bool:
        """Whether all repeats of the one lie on one side of all repeats of the other."""
        return self.before.most < self.after.least or self.after.most < self.before.least

    @property
    def verdict(self) -> str:
        """What may be said: one of `CHANGED`, `noise`, `too few repeats`, `other rows ok` for seconds of unlike work."""
        if not self.is_apart:
            return "noise"
        if self.chance > CHANCE_AT_MOST:
            return "too few repeats"
        if self.figure == "seconds" and not self.has_same_rows:
            return "other rows ok"
        words = ("slower", "faster") if self.figure == "seconds" or self.figure.startswith("latency_") else ("more", "less")
        return words[0] if self.ratio > 1 else words[1]


def changes(before: SizingResult, after: SizingResult) -> list[Change]:
    """Return every figure that both suites have measured, seconds first in each stage."""
    return [
        Change(
            images=size.images,
            stage=stage,
            figure=figure,
            before=first[figure],
            after=second[figure],
            has_same_rows=len({*first["rows_ok"].values, *second["rows_ok"].values}) == 1,
        )
        for size in before.sizes
        if (other := after.size(size.images)) is not None
        for stage in STAGES
        for first, second in [_figures(size, other, stage)]
        for figure in first
        if figure in second
    ]


def parted_by_chance_at_most(found: Iterable[Change]) -> float:
    """Return how many figures chance alone would part, on average, if nothing had changed; what never varies counts for none."""
    return sum(
        change.chance
        for change in found
        if change.chance <= CHANCE_AT_MOST and len({*change.before.values, *change.after.values}) > 1
    )


def _figures(size: SizeFigures, other: SizeFigures, stage: str) -> tuple[dict[str, Spread], dict[str, Spread]]:
    """Return the stage's figures in both by name, and the rows of every status that came up in either."""
    statuses = dict.fromkeys(
        status for figures in (*size.of(stage), *other.of(stage)) for status in figures.by_status if status != "ok"
    )
    first, second = (_of_size(each, stage, statuses) for each in (size, other))
    return first, second


def _of_size(size: SizeFigures, stage: str, statuses: Iterable[str]) -> dict[str, Spread]:
    measured = size.of(stage)
    if not measured:
        return {}
    names = dict.fromkeys(name for figures in measured for name in figures.metrics() if name not in _LEFT_OUT)
    spreads = {name: spread for name in names if (spread := size.spread(stage, name)) is not None}
    by_status = {f"{_STATUS}{name}": Spread.of(figures.by_status.get(name, 0) for figures in measured) for name in statuses}
    return {**spreads, **by_status}
