"""RESULTS.md out of the results: every figure on it is read from a JSON file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

Result = Mapping[str, Any]
Contestant = Mapping[str, Any]

_HEAD: Final = """# What was measured

Made by `python -m benchmarks results` from the files in `results/`; no figure here is typed by hand. [README.md](README.md)
says how they come about. A figure is the median of the rounds after the warm-up, with minimum and maximum in brackets.
**Ratios** are to the baseline in the same round, and count; rates depend on the machine and stand beside them.
"""
# A column of a case's table: its heading, and where its spread is found.
_COLUMNS: Final[Mapping[str, tuple[str, Callable[[Contestant], Any]]]] = {
    "ratio": ("ratio of rates", lambda one: one["ratios"].get("rows_per_second")),
    "ratio_seconds": ("ratio of times", lambda one: one["ratios"].get("seconds")),
    "ratio_rows_per_client_cpu_second": ("ratio of rows per CPU s", lambda one: one["ratios"].get("rows_per_client_cpu_second")),
    "ratio_cpu_seconds_per_1000_rows": ("ratio of CPU s", lambda one: one["ratios"].get("cpu_seconds_per_1000_rows")),
}
_HEADINGS: Final = {
    "rows_per_second": "rows/s",
    "rows_ok": "rows ok",
    "seconds_per_row": "s per row",
    "peak_in_flight": "peak in flight",
    "cpu_seconds_per_1000_rows": "CPU s per 1,000 rows",
    "rows_per_client_cpu_second": "rows per client CPU s",
    "python_worker_peak_rss_mb": "largest Python worker, MB",
    "jvm_peak_rss_mb": "JVM, MB",
    "wasted_share": "wasted share of requests",
    "share_of_ideal": "share of the ideal rate",
    "refused": "refused",
    "model_peak_in_flight": "peak in flight, model",
    "seconds": "seconds",
    "requests_per_row": "requests per row",
    "megabytes_sent_per_row": "MB sent per row",
}


def write_page(results: Path, page: Path) -> Path:
    """Write the page of all results in the folder."""
    found = [json.loads(path.read_text()) for path in sorted(results.glob("*.json"))]
    page.write_text("\n".join([_HEAD, *map(section, found)]))
    return page


def section(result: Result) -> str:
    """Return a case's part of the page."""
    parts = [
        f"## {result['case'].upper()}. {result['title']}\n",
        f"Shows {result['shows']}.\n",
        f"Does not show {result['shows_not']}.\n",
    ]
    if not result["settings"]["is_whole"]:
        parts.append(f"**No whole run** ({_settings(result['settings'])}): its figures count for nothing.\n")
    parts += [_group(group, result["columns"]) for group in result["groups"]]
    parts += [_expectations(result["expectations"])] if result["expectations"] else []
    parts.append(f"{_lost(result)}\n")
    parts.append(f"{_where(result)}\n")
    return "\n".join(parts)


def ahead(group: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Return the peers whose median rate is above ours in a group, with how many times ours it is."""
    rates = {one["name"]: one["summary"]["rows_per_second"]["median"] for one in group["contestants"] if one["summary"]}
    ours = rates.get(group["ours"])
    if not ours:
        return []
    peers = [one["name"] for one in group["contestants"] if one["is_peer"]]
    return [(name, rates[name] / ours) for name in peers if rates.get(name, 0) > ours]


def number(value: float) -> str:
    """Write a number with three digits that count, thousands with a comma."""
    if value == 0:
        return "0"
    if abs(value) >= 100:  # noqa: PLR2004 - from here on all digits before the point
        return f"{value:,.0f}"
    return f"{float(f'{value:.3g}'):g}"


def _group(group: Mapping[str, Any], columns: Sequence[str]) -> str:
    shown = [name for name in columns if any(_spread(one, name) for one in group["contestants"])]
    head = ["", *(_heading(name) for name in shown)]
    lines = [f"### {group['name']}\n", _row(head), _row(["---"] * len(head))]
    lines += [_row([_name(one, group), *(_cell(_spread(one, name)) for name in shown)]) for one in group["contestants"]]
    return "\n".join([*lines, "", *(f"- `{one['name']}`: {one['what']}{_failures(one)}" for one in group["contestants"]), ""])


def _name(one: Contestant, group: Mapping[str, Any]) -> str:
    return f"`{one['name']}`" + (" (baseline)" if one["name"] == group["baseline"] else "")


def _spread(one: Contestant, column: str) -> Mapping[str, float] | None:
    if column in _COLUMNS:
        found: Mapping[str, float] | None = _COLUMNS[column][1](one)
        return found
    spreads: Mapping[str, Mapping[str, float]] = one["summary"]
    return spreads.get(column)


def _heading(column: str) -> str:
    return _COLUMNS[column][0] if column in _COLUMNS else _HEADINGS[column]


def _cell(spread: Mapping[str, float] | None) -> str:
    if spread is None:
        return "-"
    if spread["min"] == spread["max"]:
        return number(spread["median"])
    return f"{number(spread['median'])} ({number(spread['min'])} .. {number(spread['max'])})"


def _failures(one: Contestant) -> str:
    failed = [run["failed"] for run in one["rounds"] if "failed" in run]
    return f". **Failed in {len(failed)} of {len(one['rounds'])} rounds**: {failed[0]}" if failed else ""


def _expectations(expectations: Sequence[Mapping[str, Any]]) -> str:
    said = {True: "reached", False: "**not reached**", None: "not measured"}
    lines = [_row(["expected", "wanted", "found", ""]), _row(["---"] * 4)]
    lines += [_row([one["text"], one["wanted"], _cell(one["figure"]), said[one["reached"]]]) for one in expectations]
    return "\n".join([*lines, ""])


def _lost(result: Result) -> str:
    found = [f"{group['name']}: `{name}` {number(times)} times" for group in result["groups"] for name, times in ahead(group)]
    return (
        f"Peers with a higher rate than ours: {'; '.join(found)}."
        if found
        else "No peer that was run has a higher rate than ours."
    )


def _where(result: Result) -> str:
    machine, versions = result["machine"], {**result["versions"]}
    contestants = versions.pop("contestants")
    peers = {name: version for found in contestants.values() for name, version in found.items() if name != "python"}
    named = ", ".join(
        f"{name} {version}" for name, version in {**versions, **{k: v for k, v in peers.items() if k not in versions}}.items()
    )
    place = f"{machine['cores']} cores, {machine['memory_gb']} GB, {machine['cpu']}, {machine['os']}"
    return f"{result['date']}, {_settings(result['settings'])}; {place}; {named}."


def _settings(settings: Mapping[str, Any]) -> str:
    said = [f"{settings['rounds']} rounds"]
    said += [f"{settings['images']} images"] if settings["images"] else []
    said += [f"only {', '.join(settings['only'])}"] if settings["only"] else []
    return ", ".join(said)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
