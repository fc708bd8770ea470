"""Two suites side by side: what was set otherwise, what became slower or faster, and whether that is more than noise.

The rule: a figure has changed if all its repeats in the one suite lie on one side of all its repeats in the other. If nothing had
changed, that would happen with n and m repeats by chance in 2 * n! * m! / (n + m)! of all cases; where that is more than a tenth
(fewer than three repeats each), nothing is claimed.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from picsum_vision.sizing.figures import STAGES, Spread

if TYPE_CHECKING:
    from picsum_vision.sizing.result import SizingResult

_CHANCE_AT_MOST: Final = 0.1
_FIGURES: Final = ("seconds", "cpu_seconds", "latency_p95_ms", "peak_memory_mb.python_worker", "peak_memory_mb.jvm")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Change:
    """One figure in both suites. `ratio` is the second over the first, `chance` how often noise alone would part them so."""

    images: int
    stage: str
    figure: str
    before: Spread
    after: Spread

    @property
    def ratio(self) -> float:
        """The second suite's median over the first's."""
        return self.after.median / self.before.median if self.before.median else math.inf

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
        """What may be said: `slower`, `faster` (or `more`, `less`), `noise`, or `too few repeats`."""
        if not self.is_apart:
            return "noise"
        if self.chance > _CHANCE_AT_MOST:
            return "too few repeats"
        words = ("slower", "faster") if self.figure in ("seconds", "latency_p95_ms") else ("more", "less")
        return words[0] if self.ratio > 1 else words[1]


def changes(before: SizingResult, after: SizingResult) -> list[Change]:
    """Return every figure that both suites have measured."""
    found = []
    for size in before.sizes:
        other = after.size(size.images)
        if other is None:
            continue
        for stage in STAGES:
            for figure in _FIGURES:
                first, second = size.spread(stage, figure), other.spread(stage, figure)
                if first is not None and second is not None:
                    found.append(Change(images=size.images, stage=stage, figure=figure, before=first, after=second))
    return found


def set_otherwise(before: SizingResult, after: SizingResult) -> list[tuple[str, Any, Any]]:
    """Return settings, versions and machine where the suites differ: name, first, second."""
    first = {**_flat(before.settings), **_flat(before.environment)}
    second = {**_flat(after.settings), **_flat(after.environment)}
    return [(name, first.get(name), second.get(name)) for name in sorted(first | second) if first.get(name) != second.get(name)]


def comparison(before: SizingResult, after: SizingResult) -> str:
    """Return both as text: seconds of every stage, and of the other figures what has changed."""
    return "\n".join(_lines(before, after))


def comparison_dict(before: SizingResult, after: SizingResult) -> dict[str, Any]:
    """Return both as plain values."""
    return {
        "suites": [before.suite, after.suite],
        "set_otherwise": [{"name": name, "before": one, "after": two} for name, one, two in set_otherwise(before, after)],
        "changes": [
            {
                "images": change.images, "stage": change.stage, "figure": change.figure, "before": list(change.before.values),
                "after": list(change.after.values), "ratio": round(change.ratio, 4), "chance": round(change.chance, 4),
                "verdict": change.verdict,
            }
            for change in changes(before, after)
        ],
    }  # fmt: skip


def _lines(before: SizingResult, after: SizingResult) -> Iterator[str]:
    yield f"{before.suite} ({before.started_at}) -> {after.suite} ({after.started_at})"
    differing = set_otherwise(before, after)
    yield "set otherwise: " + ("nothing" if not differing else "")
    yield from (f"  {name}: {one} -> {two}" for name, one, two in differing)
    found = changes(before, after)
    if not found:
        yield "no size was measured in both"
        return
    yield f"images  {'stage':<8}  {'figure':<28}  {'before':>16}  {'after':>16}   ratio  verdict"
    for change in found:
        if change.figure == "seconds" or change.verdict in ("slower", "faster", "more", "less"):
            yield _line(change)
    rare = f"{1 / _CHANCE_AT_MOST:.0f}"
    yield f"the rule: all repeats lie apart, which chance does in at most 1 of {rare} cases; anything less is noise"
    if any(change.verdict == "too few repeats" for change in found):
        yield "too few repeats: measure both with --repeats 3 or more"


def _line(change: Change) -> str:
    chance = "" if change.verdict in ("noise", "too few repeats") else f" (by chance 1 in {1 / change.chance:.0f})"
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


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
