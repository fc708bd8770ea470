"""Two suites side by side: what was set otherwise, what differs figure by figure, and whether that is more than noise.

The rule: a figure has changed if all its repeats in the one suite lie on one side of all its repeats in the other. If nothing had
changed, that would happen with n and m repeats by chance in 2 * n! * m! / (n + m)! of all cases; where that is more than a tenth
(fewer than three repeats each), nothing is claimed. Of many figures some fall apart by chance all the same: how many is said.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterable
from statistics import median
from typing import Any, Final

from picsum_vision.pipeline.mlflow_run import flat
from picsum_vision.sizing.result import STAGES, SizeFigures, SizingResult

CHANCE_AT_MOST: Final = 0.1
CHANGED: Final = ("slower", "faster", "more", "less")
# The JVM's memory is how far its heap has grown since it began, and images a second are the seconds once more.
_LEFT_OUT: Final = ("images_per_second", "peak_memory_mb.jvm")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Change:
    """One figure in all repeats of both suites, and what may be said of it.

    `ratio` is the second median over the first; `chance` how often repeats of one and the same thing would fall apart into two
    groups like these. `verdict` is one of `CHANGED`, `noise`, `too few repeats`, `other rows ok` for seconds of unlike work.
    """

    images: int
    stage: str
    figure: str
    before: list[float]
    after: list[float]
    ratio: float
    chance: float
    verdict: str


def changes(before: SizingResult, after: SizingResult) -> list[Change]:
    """Return every figure that both suites have measured, seconds first in each stage."""
    found = []
    for size, stage in itertools.product(before.sizes, STAGES):
        both = (size, after.size(size.images) or SizeFigures(images=size.images))
        measured = [figures for each in both for figures in each.of(stage)]
        statuses = {status: None for figures in measured for status in figures.by_status if status != "ok"}
        first, second = (each.figures(stage, statuses) for each in both)
        has_same_rows = len({figures.rows_ok for figures in measured}) == 1
        for figure, one in first.items():
            if figure in second and figure not in _LEFT_OUT:
                two = second[figure]
                told = _told(figure, one, two, has_same_rows=has_same_rows)
                found.append(Change(images=size.images, stage=stage, figure=figure, before=one, after=two, **told))
    return found


def _told(figure: str, before: list[float], after: list[float], *, has_same_rows: bool) -> dict[str, Any]:
    one, two, n, m = median(before), median(after), len(before), len(after)
    ratio = two / one if one else math.inf if two else 1.0
    chance = min(1.0, 2 / math.comb(n + m, n))
    words = ("slower", "faster") if figure == "seconds" or figure.startswith("latency_") else ("more", "less")
    verdict = words[0] if ratio > 1 else words[1]
    if max(before) >= min(after) and max(after) >= min(before):
        verdict = "noise"
    elif chance > CHANCE_AT_MOST:
        verdict = "too few repeats"
    elif figure == "seconds" and not has_same_rows:
        verdict = "other rows ok"
    return {"ratio": ratio, "chance": chance, "verdict": verdict}


def parted_by_chance_at_most(found: Iterable[Change]) -> float:
    """Return how many figures chance alone would part, on average, if nothing had changed; what never varies counts for none."""
    return sum(change.chance for change in found if change.chance <= CHANCE_AT_MOST and len({*change.before, *change.after}) > 1)


def set_otherwise(before: SizingResult, after: SizingResult) -> list[tuple[str, Any, Any]]:
    """Return settings, versions and machine where the suites differ: name, first, second."""
    first, second = (flat(each.settings) | flat(each.environment) for each in (before, after))
    return [(name, first.get(name), second.get(name)) for name in sorted(first | second) if first.get(name) != second.get(name)]


def comparison(before: SizingResult, after: SizingResult) -> str:
    """Return both as text: seconds of every stage, and of the other figures what has changed."""
    lines = [f"{before.suite} ({before.started_at}) -> {after.suite} ({after.started_at})"]
    lines += [f"suite {each.suite} ended early: {each.problem}" for each in (before, after) if each.problem]
    differing = set_otherwise(before, after)
    lines.append("set otherwise: " + ("" if differing else "nothing"))
    lines += [f"  {name}: {one} -> {two}" for name, one, two in differing]
    found = changes(before, after)
    if not found:
        return "\n".join([*lines, "no size was measured in both"])
    changed = [change for change in found if change.verdict in CHANGED]
    lines.append(f"images  {'stage':<8}  {'figure':<28}  {'before':>16}  {'after':>16}   ratio  verdict")
    lines += [_line(change) for change in found if change.figure == "seconds" or change in changed]
    rare, parted = f"{1 / CHANCE_AT_MOST:.0f}", f"{parted_by_chance_at_most(found):.1f}"
    lines.append(
        f"the rule: all repeats lie apart, which chance does to a figure in at most 1 of {rare} cases; anything less is noise\n"
        f"{len(found)} figures compared; were nothing different, chance alone would part up to {parted} of them; "
        f"{len(changed)} have changed by the rule"
    )
    if any(change.verdict == "too few repeats" for change in found):
        lines.append("too few repeats: measure both with --repeats 3 or more")
    return "\n".join(lines)


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
            dataclasses.asdict(change)
            | {"ratio": round(change.ratio, 4) if math.isfinite(change.ratio) else None, "chance": round(change.chance, 4)}
            for change in found
        ],
    }


def _line(change: Change) -> str:
    chance = f" (by chance 1 in {1 / change.chance:.0f})" if change.verdict in CHANGED else ""
    before, after = (
        f"{median(values):.2f}" + (f" +-{(max(values) - min(values)) / 2:.2f}" if len(values) > 1 else "")
        for values in (change.before, change.after)
    )
    return (
        f"{change.images:>6,}  {change.stage:<8}  {change.figure:<28}  {before:>16}  {after:>16}  {change.ratio:>6.2f}  "
        f"{change.verdict}{chance}"
    )
