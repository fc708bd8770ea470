"""Two suites side by side, in words: what was set otherwise, what became slower or faster, and what chance would do."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from picsum_vision.sizing.changes import CHANCE_AT_MOST, CHANGED, Change, changes, parted_by_chance_at_most
from picsum_vision.sizing.figures import Spread

if TYPE_CHECKING:
    from picsum_vision.sizing.result import SizingResult


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


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
