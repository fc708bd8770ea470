"""Median, minimum and maximum, and ratios of figures of the same round."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

# How far a number in flight may be from another to be about the same.
_NEAR = 0.1

Round = Mapping[str, Any]
Spread = dict[str, float]
# What a contestant is compared with its group's baseline by.
RATIOS = ("rows_per_second", "rows_per_client_cpu_second", "cpu_seconds_per_1000_rows", "seconds")


def is_near(value: float, wanted: float) -> bool:
    """Return whether two numbers in flight are about the same."""
    return abs(value - wanted) <= _NEAR * wanted


def spread(values: Sequence[float]) -> Spread | None:
    """Return median, minimum and maximum; None of nothing."""
    if not values:
        return None
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def summary(rounds: Sequence[Round]) -> dict[str, Spread]:
    """Return the spread of every figure that is a number, over the rounds that went through."""
    whole = [run["figures"] for run in rounds if "figures" in run]
    names = sorted({name for figures in whole for name in figures})
    spreads = {name: spread([run[name] for run in whole if run.get(name) is not None]) for name in names}
    return {name: found for name, found in spreads.items() if found is not None}


def ratios(rounds: Sequence[Round], base: Sequence[Round]) -> dict[str, Spread]:
    """Return the spread of each figure's ratio to the same figure of `base` in the same round."""
    found = {name: spread(quotients(rounds, base, name)) for name in RATIOS}
    return {name: values for name, values in found.items() if values is not None}


def quotients(rounds: Sequence[Round], base: Sequence[Round], figure: str, plus: float = 0.0) -> list[float]:
    """Return `figure` of each round over that of `base` (with `plus` added) in the same round, where both have it."""
    by_round = {run["round"]: run["figures"] for run in base if "figures" in run}
    pairs = [(run["figures"].get(figure), by_round.get(run["round"], {}).get(figure)) for run in rounds if "figures" in run]
    return [one / (other + plus) for one, other in pairs if one is not None and other is not None and other + plus > 0]


def larger(rounds: Sequence[Round], others: Sequence[Round], figure: str) -> list[Round]:
    """Return the larger `figure` of the two in each round that both have it in, as rounds with this figure alone."""
    by_round = {run["round"]: run["figures"].get(figure) for run in others if "figures" in run}
    pairs = [(run["round"], run["figures"].get(figure), by_round.get(run["round"])) for run in rounds if "figures" in run]
    return [{"round": number, "figures": {figure: max(one, other)}} for number, one, other in pairs if None not in (one, other)]
