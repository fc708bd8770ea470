"""The result of a case as one JSON document."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness.case import Case, Contestant, Expectation, Group, Line
from benchmarks.harness.machine import machine, versions
from benchmarks.harness.rounds import WARM_UP
from benchmarks.harness.statistics import Round, larger, quotients, ratios, spread, summary

Runs = Mapping[tuple[str, str], Sequence[Mapping[str, Any]]]


def document(case: Case, runs: Runs, settings: Mapping[str, Any], contestants_versions: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything that is known of a case's run."""
    return {
        "case": case.name,
        "title": case.title,
        "shows": case.shows,
        "shows_not": case.shows_not,
        "date": dt.datetime.now(dt.timezone.utc).date().isoformat(),
        "machine": machine(),
        "versions": {**versions(), "contestants": dict(contestants_versions)},
        "settings": dict(settings),
        "columns": list(case.columns),
        "plotted": case.plotted,
        "has_own_processes": case.has_own_processes,
        "groups": [_group(group, runs) for group in case.groups],
        "expectations": [
            {**judged(expectation, case, runs), "why": _ideally(case, expectation, runs)}
            for expectation in case.expectations
            if _was_run(expectation, runs)
        ],
    }


def judged(expectation: Expectation, case: Case, runs: Runs) -> dict[str, Any]:
    """Return the figure that was found, and whether its median and every round keep to the bound; None without a figure.

    A line that failed, or lost rows, keeps to nothing: `fault` says it.
    """
    found = spread(_values(expectation, runs))
    at_least, at_most = expectation.at_least, expectation.at_most
    reached = in_every_round = None
    if found is not None:
        lowest, highest = (-math.inf if at_least is None else at_least), (math.inf if at_most is None else at_most)
        reached = lowest <= found["median"] <= highest
        in_every_round = lowest <= found["min"] and found["max"] <= highest
    fault = _fault(expectation.line, case, runs)
    if fault:
        reached = in_every_round = False
    bounds = (("at least", at_least), ("at most", at_most))
    wanted = [f"{word} {bound:g}" for word, bound in bounds if bound is not None]
    return {
        "text": expectation.text,
        "wanted": ", ".join(wanted),
        "figure": found,
        "reached": reached,
        "in_every_round": in_every_round,
        "fault": fault,
    }


def write(result: Mapping[str, Any], folder: Path) -> Path:
    """Write a result as `folder/CASE.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result['case']}.json"
    path.write_text(json.dumps(_rounded(result), indent=1) + "\n")
    return path


def plain(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the result as it is read from its file."""
    read: dict[str, Any] = json.loads(json.dumps(_rounded(result)))
    return read


def _group(group: Group, runs: Runs) -> dict[str, Any]:
    base = _warm(runs, group.name, group.baseline)
    return {
        "name": group.name,
        "rows": group.rows,
        "server": dataclasses.asdict(group.server),
        "model": None if group.model is None else dataclasses.asdict(group.model),
        "pictures": None if group.pictures is None else dataclasses.asdict(group.pictures),
        "order": dict(group.order),
        "baseline": group.baseline,
        "ours": group.ours,
        "requests_per_row": group.requests_per_row,
        "ideal_rows_per_second": group.ideal_rows_per_second,
        "ideal_in_flight": group.ideal_in_flight,
        "ideal": group.ideal,
        "timeout_seconds": group.timeout_s,
        "contestants": [
            {
                "name": one.name,
                "what": one.what,
                "is_peer": one.is_peer,
                "is_fresh": one.is_fresh,
                "rows": one.rows or group.rows,
                "session": dict(one.session),
                "order": dict(one.order),
                "warm_up": next((run for run in runs.get((group.name, one.name), ()) if run["round"] == WARM_UP), None),
                "rounds": _warm(runs, group.name, one.name),
                "summary": summary(_warm(runs, group.name, one.name)),
                "ratios": _ratios(group, one, _warm(runs, group.name, one.name), base),
            }
            for one in group.contestants
        ],
    }


def _ratios(
    group: Group, one: Contestant, rounds: Sequence[Mapping[str, Any]], base: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the ratios that mean something: of times only where as many rows were worked on."""
    found = ratios(rounds, base)
    return {name: values for name, values in found.items() if name != "seconds" or one.rows in {None, group.rows}}


def _warm(runs: Runs, group: str, contestant: str) -> list[Round]:
    return [run for run in runs.get((group, contestant), ()) if run["round"] != WARM_UP]


def _values(expectation: Expectation, runs: Runs) -> list[float]:
    rounds = _warm(runs, expectation.line.group, expectation.line.contestant)
    if expectation.over is not None:
        base = _warm(runs, expectation.over.group, expectation.over.contestant)
        if expectation.or_over is not None:
            other = _warm(runs, expectation.or_over.group, expectation.or_over.contestant)
            base = larger(base, other, expectation.figure)
        return quotients(rounds, base, expectation.figure, expectation.plus)
    return [run["figures"][expectation.figure] for run in rounds if expectation.figure in run.get("figures", {})]


def _fault(line: Line, case: Case, runs: Runs) -> str:
    """Say what a line's figures are worth nothing for; nothing where each of its rounds has all rows."""
    rounds = _warm(runs, line.group, line.contestant)
    rows = next(
        one.rows or group.rows
        for group in case.groups
        for one in group.contestants
        if (group.name, one.name) == (line.group, line.contestant)
    )
    failed = sum("failed" in run for run in rounds)
    if failed:
        return f"failed in {failed} of {len(rounds)} rounds"
    lost = sum(run["figures"]["rows_ok"] < rows for run in rounds)
    return f"lost rows in {lost} of {len(rounds)} rounds" if lost else ""


def _ideally(case: Case, expectation: Expectation, runs: Runs) -> str:
    """Say how much an ideal client would have, where rates at the ideal's number in flight are compared; nothing otherwise."""
    (group,) = [group for group in case.groups if group.name == expectation.line.group]
    over = expectation.over
    if group.ideal_rows_per_second is None or over is None or expectation.figure != "rows_per_second":
        return ""
    if not (_has_ideal(expectation.line, runs) and _has_ideal(over, runs)):
        return ""
    found = spread([run["figures"]["rows_per_second"] for run in _warm(runs, over.group, over.contestant) if "figures" in run])
    return f"an ideal client would have {group.ideal_rows_per_second / found['median']:.2f}" if found else ""


def _has_ideal(line: Line, runs: Runs) -> bool:
    rounds = [run["figures"] for run in _warm(runs, line.group, line.contestant) if "figures" in run]
    return bool(rounds) and all("share_of_ideal" in figures for figures in rounds)


def _was_run(expectation: Expectation, runs: Runs) -> bool:
    lines: list[Line] = [expectation.line, *filter(None, [expectation.over, expectation.or_over])]
    return all((line.group, line.contestant) in runs for line in lines)


def _rounded(value: Any) -> Any:
    """Six significant digits are more than any of them has."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, Mapping):
        return {name: _rounded(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(inner) for inner in value]
    return value
