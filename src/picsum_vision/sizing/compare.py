"""Two suites side by side: what was set otherwise, what differs figure by figure, and whether that is more than noise.

The rule: a figure has changed if all its repeats in the one suite lie on one side of all its repeats in the other. If nothing had
changed, that would happen with n and m repeats by chance in 2 * n! * m! / (n + m)! of all cases; where that is more than a tenth
(fewer than three repeats each), nothing is claimed. Of many figures some fall apart by chance all the same: how many is said.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from picsum_vision.pipeline.mlflow_run import flat
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


def set_otherwise(before: SizingResult, after: SizingResult) -> list[tuple[str, Any, Any]]:
    """Return settings, versions and machine where the suites differ: name, first, second."""
    first = {**flat(before.settings), **flat(before.environment)}
    second = {**flat(after.settings), **flat(after.environment)}
    return [(name, first.get(name), second.get(name)) for name in sorted(first | second) if first.get(name) != second.get(name)]


def comparison(before: SizingResult, after: SizingResult) -> str:
    """Return both as text: seconds of every stage, and of the other figures what has changed."""
    return "\n".join(_lines(before, after))


def comparison_dict(before: SizingResult, after: SizingResult) -> dict[str, Any]:
    """Return both as plain values."""
    found = changes(before, after)
    return {
        "suites": [before.suite, after.suite],
        "problems": [before.problem, after.problem],
        "compared": len(found),
        "parted_by_chance_at_most": round(parted_by_chance_at_most(found), 3),
        "set_otherwise": [{"name": name, "before": one, "after": two} for name, one, two in set_otherwise(before, after)],
        "changes": [
            {
                "images": change.images, "stage": change.stage, "figure": change.figure, "before": list(change.before.values),
                "after": list(change.after.values), "ratio": round(change.ratio, 4) if math.isfinite(change.ratio) else None,
                "chance": round(change.chance, 4), "verdict": change.verdict,
            }
            for change in found
        ],
    }  # fmt: skip


def _lines(before: SizingResult, after: SizingResult) -> Iterator[str]:
    yield f"{before.suite} ({before.started_at}) -> {after.suite} ({after.started_at})"
    yield from (f"suite {each.suite} ended early: {each.problem}" for each in (before, after) if each.problem)
    differing = set_otherwise(before, after)
    yield "set otherwise: " + ("nothing" if not differing else "")
    yield from (f"  {name}: {one} -> {two}" for name, one, two in differing)
    found = changes(before, after)
    if not found:
        yield "no size was measured in both"
        return
    yield f"images  {'stage':<8}  {'figure':<28}  {'before':>16}  {'after':>16}   ratio  verdict"
    for change in found:
        if change.figure == "seconds" or change.verdict in CHANGED:
            yield _line(change)
    rare = f"{1 / CHANCE_AT_MOST:.0f}"
    yield f"the rule: all repeats lie apart, which chance does to a figure in at most 1 of {rare} cases; anything less is noise"
    changed = sum(change.verdict in CHANGED for change in found)
    yield (
        f"{len(found)} figures compared; were nothing different, chance alone would part up to "
        f"{parted_by_chance_at_most(found):.1f} of them; {changed} have changed by the rule"
    )
    if any(change.verdict == "too few repeats" for change in found):
        yield "too few repeats: measure both with --repeats 3 or more"


def _line(change: Change) -> str:
    chance = f" (by chance 1 in {1 / change.chance:.0f})" if change.verdict in CHANGED else ""
    cells = (
        f"{change.images:>6,}",
        f"{change.stage:<8}",
        f"{change.figure:<28}",
        f"{_spread(change.before):>16}",
        f"{_spread(change.after):>16}",
        f"{change.ratio:>6.2f}",
        f"{change.verdict}{chance}",
    )
    return "  ".join(cells)


def _spread(found: Spread) -> str:
    wide = f" +-{(found.most - found.least) / 2:.2f}" if len(found.values) > 1 else ""
    return f"{found.median:.2f}{wide}"
