"""A plan for a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_HOUR_S: Final = 3_600
_MINUTES_FROM_S: Final = 120


def plan_text(plan: Mapping[str, Any]) -> str:
    """Return the plan as lines of text."""
    lines = [
        f"{plan['images']:,} images: about {_time(plan['seconds'])}, {plan['images_per_second']:,.1f} images/s",
        f"  what binds: {plan['binding']}; {plan['passes']:,} passes, each committed",
        *(_stage(name, stage) for name, stage in plan["stages"].items()),
        "  settings: " + ", ".join(f"{name}={value:,}" for name, value in plan["settings"].items()),
        f"  memory: {_memory(plan)}",
        f"  storage: {plan['storage_mb']:,.0f} MB of tables",
        f"  tokens: {plan['input_tokens']:,} in, {plan['output_tokens']:,} out" + _cost(plan["cost"]),
        *(f"  what would help: {line}" for line in plan["advice"]),
        f"  constants: {plan['fit']}",
    ]
    return "\n".join(lines)


def _stage(name: str, stage: Mapping[str, Any]) -> str:
    limits = ", ".join(f"{limit} {_time(seconds)}" for limit, seconds in stage["limits_s"].items())
    return f"  {name} alone: {_time(stage['seconds'])} ({limits}; last stragglers {_time(stage['tail_s'])})"


def _memory(plan: Mapping[str, Any]) -> str:
    of_workers = f"{plan['worker_memory_mb']:,} MB for each Python worker, {plan['cluster_memory_mb']:,} MB for all"
    jvm_mb = plan["jvm_memory_mb"]
    measured = "" if jvm_mb is None else f" (where it was measured the JVM had at most {jvm_mb:,} MB)"
    return f"{of_workers}, without the JVM's{measured}"


def _cost(cost: float | None) -> str:
    return "; cost unknown without prices" if cost is None else f"; cost about {cost:,.2f}"


def _time(seconds: float) -> str:
    if seconds < _MINUTES_FROM_S:
        return f"{seconds:,.1f} s"
    return f"{seconds / 60:,.1f} min" if seconds < 2 * _HOUR_S else f"{seconds / _HOUR_S:,.1f} h"
