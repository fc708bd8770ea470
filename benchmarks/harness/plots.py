"""A plot for each case, as SVG beside its result: bars of the median, lines from minimum to maximum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.harness.columns import heading

_OURS, _BASELINE, _PEER, _OTHER = "#1b6f8a", "#8a8a8a", "#c7772e", "#7fb3c2"
_WIDTH_IN: Final = 8.0
_BAR_IN: Final = 0.3
_HEAD_IN: Final = 0.75
# Text stays text, so that a file is small and can be searched; the same figures give the same file.
_STYLE: Final = {"svg.fonttype": "none", "svg.hashsalt": "benchmarks", "font.size": 9.0, "font.family": "sans-serif"}

Drawn = tuple[Mapping[str, Any], Mapping[str, float]]


def draw(result: Mapping[str, Any], folder: Path) -> Path | None:
    """Draw the case's main figure for every group that has it; return the file, None if no group has."""
    groups = [(group, bars) for group in result["groups"] if (bars := _bars(group, result["plotted"]))]
    if not groups:
        return None
    heights = [_HEAD_IN + _BAR_IN * len(bars) for _, bars in groups]
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH_IN, sum(heights)), layout="constrained")
        axes = figure.subplots(len(groups), squeeze=False, gridspec_kw={"height_ratios": heights})
        for (group, bars), (axis,) in zip(groups, axes, strict=True):
            _draw_group(axis, group, bars, result["plotted"])
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{result['case']}.svg"
        figure.savefig(path, metadata={"Date": None})
    # Trailing blanks in what matplotlib writes would be noise in a diff.
    path.write_text("\n".join(line.rstrip() for line in path.read_text().splitlines()) + "\n")
    return path


def _bars(group: Mapping[str, Any], column: str) -> list[Drawn]:
    return [(one, one["summary"][column]) for one in group["contestants"] if column in one["summary"]]


def _draw_group(axis: Any, group: Mapping[str, Any], bars: Sequence[Drawn], column: str) -> None:
    medians = [spread["median"] for _, spread in bars]
    beyond = [[spread["median"] - spread["min"] for _, spread in bars], [spread["max"] - spread["median"] for _, spread in bars]]
    places = range(len(bars))
    axis.barh(places, medians, xerr=beyond, color=[_colour(one, group) for one, _ in bars], height=0.7, ecolor="#333333")
    axis.set_yticks(places, [one["name"] for one, _ in bars])
    axis.invert_yaxis()
    axis.set_xlim(left=0)
    axis.set_title(group["name"], loc="left")
    axis.set_xlabel(heading(column))
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def _colour(one: Mapping[str, Any], group: Mapping[str, Any]) -> str:
    if one["name"] == group["ours"]:
        return _OURS
    if one["is_peer"]:
        return _PEER
    return _BASELINE if one["name"] == group["baseline"] or one["name"].startswith("bare") else _OTHER
