"""The stored bounds, and what does not keep to them."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

BOUNDS: Final = Path(__file__).with_name("bounds.json")
ENGINE_KINDS: Final = ("download", "describe")
RENEW: Final = "python -m benchmarks.guard --renew"
# How the network cuts its answers is within this; how many answers one turn of the loop finds hangs on the machine's load.
_ROOM: Final = 1.1
_TURNS_ROOM: Final = 2.0
_FEW: Final = 10
_FEW_JOBS: Final = 2
# Less than this of what was counted, and the work is likely done where nobody counts.
_SUSPICIOUS: Final = 0.5
# Turns are fewer on a busy machine, and after the warm-up all connections may be there already.
_MAY_BE_FEW: Final = ("loop_turns_per_row", "connections")
_TIMES: Final = 2

Counts = Mapping[str, float]


def count_engine(kind: str, worsened_by: str = "", *, times: int = _TIMES) -> dict[str, float]:
    """Count in a process of its own, as often as asked; the least of each, for chance only adds."""
    command = [sys.executable, "-m", "benchmarks.guard.engine_work", kind, *([worsened_by] if worsened_by else [])]
    found: list[dict[str, float]] = []
    for _ in range(times):
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)  # noqa: S603 - our own module
        found.append(json.loads(done.stdout.splitlines()[-1]))
    return {name: min(each[name] for each in found) for name in found[0]}


def outside(kind: str, counts: Counts, bounds: Mapping[str, Mapping[str, Mapping[str, float]]]) -> list[str]:
    """Return a line for each count that is above its bound, has none, or is so low that the work must be done elsewhere."""
    known = bounds.get(kind, {})
    lines = [f"{kind}: {name} has a bound and was not counted; {RENEW} forgets it" for name in known if name not in counts]
    for name, number in counts.items():
        if name not in known:
            lines.append(f"{kind}: {name} is {number:g} and has no bound; {RENEW} sets one")
        elif number > known[name]["at_most"]:
            lines.append(
                f"{kind}: {name} is {number:g}, at most {known[name]['at_most']:g} is allowed ({known[name]['counted']:g} were "
                f"counted when the bound was set); make it less, or, if it is worth it, set a new bound: {RENEW}"
            )
        elif name not in _MAY_BE_FEW and number < known[name]["counted"] * _SUSPICIOUS:
            lines.append(
                f"{kind}: {name} is {number:g}, less than half of the {known[name]['counted']:g} that were counted when the "
                f"bound was set; if it is not done elsewhere now, where nothing counts it, set a new bound: {RENEW}"
            )
    return lines


def bounds_for(counted: Mapping[str, Counts]) -> dict[str, Any]:
    """Return new bounds: a little above what was counted; whole things, as jobs and requests, exactly."""
    return {
        kind: {name: {"counted": number, "at_most": _bound(name, number)} for name, number in counts.items()}
        for kind, counts in counted.items()
    }


def read_bounds() -> dict[str, Any]:
    """Return the stored bounds."""
    found: dict[str, Any] = json.loads(BOUNDS.read_text(encoding="utf-8"))
    return found


def write_bounds(counted: Mapping[str, Counts]) -> None:
    """Store new bounds for these kinds; the others stay."""
    stored = read_bounds() if BOUNDS.is_file() else {}
    BOUNDS.write_text(json.dumps(stored | bounds_for(counted), indent=2) + "\n", encoding="utf-8")


def _bound(name: str, number: float) -> float:
    if name == "loop_turns_per_row":
        return round(number * _TURNS_ROOM, 2)
    if name in ("python_calls_per_row", "python_lines_per_row"):
        return round(number * _ROOM, 2)
    if name == "connections":  # a few close while they are idle
        return number + _FEW
    # A few of Spark's jobs are chance, as in which of two tables is looked at first.
    return number if name.startswith(("requests", "commits")) else float(math.ceil(number * _ROOM)) + _FEW_JOBS
