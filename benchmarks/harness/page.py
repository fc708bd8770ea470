"""RESULTS.md out of the results: every figure on it is read from a JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.cases import NAMES
from benchmarks.harness.columns import heading, spread_of
from benchmarks.harness.plots import draw
from benchmarks.harness.statistics import is_near, quotients, spread

# More than this of the machine's CPU in others' hands, and a figure is no longer that of the machine.
_DISTURBS_PERCENT: Final = 10
# What a figure should have; long cases have fewer.
_ENOUGH_ROUNDS: Final = 5

Result = Mapping[str, Any]
Contestant = Mapping[str, Any]

_HEAD: Final = """# What was measured

Made by `python -m benchmarks results` from the files in `results/`; no figure here is typed by hand. [README.md](README.md)
says how they come about.

A figure is the median of the rounds after the warm-up, with minimum and maximum in brackets.
**Ratios** are to the baseline in the same round; rates depend on the machine and stand beside them. A ratio counts where it has
five rounds; where it has fewer, as most here have, chance has more to say.
"""


def write_page(results: Path, page: Path) -> Path:
    """Write the page of all results in the folder, and a plot of each beside them."""
    found = sorted((json.loads(path.read_text()) for path in results.glob("*.json")), key=_place)
    parts = [_HEAD, _summary(found)]
    for result in found:
        plot = draw(result, results / "plots")
        parts.append(section(result, None if plot is None else plot.relative_to(page.parent).as_posix()))
    page.write_text("\n".join(parts))
    return page


def section(result: Result, plot: str | None = None) -> str:
    """Return a case's part of the page; `plot` is where its plot is."""
    parts = [
        f"## {_title(result)}\n",
        f"Shows {result['shows']}.\n",
        f"Does not show {result['shows_not']}.\n",
    ]
    if not result["settings"]["is_whole"]:
        parts.append(f"**No whole run** ({_settings(result['settings'])}): its figures count for nothing.\n")
    parts += [_expectations(result["expectations"])] if result["expectations"] else []
    parts += [f"![{result['case'].upper()}: {heading(result['plotted'])}]({plot})\n"] if plot else []
    parts += [_group(group, result["columns"]) for group in result["groups"]]
    parts.append(f"{_lost(result)}\n")
    parts.append(f"{_where(result)}\n")
    return "\n".join(parts)


def ahead(group: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Return the peers whose rate is above ours in a group, with how many times ours it is: the median over the same rounds.

    A round in which a peer lost rows is none: it had less to do.
    """
    ours = next((one["rounds"] for one in group["contestants"] if one["name"] == group["ours"]), [])
    found = []
    for one in group["contestants"]:
        whole = [run for run in one["rounds"] if run.get("figures", {}).get("rows_ok") == one["rows"]]
        times = spread(quotients(whole, ours, "rows_per_second"))
        if one["is_peer"] and times is not None and times["median"] > 1:
            found.append((one["name"], times["median"]))
    return found


def number(value: float) -> str:
    """Write a number with three digits that count, thousands with a comma."""
    if value == 0:
        return "0"
    if abs(value) >= 100:  # noqa: PLR2004 - from here on all digits before the point
        return f"{value:,.0f}"
    return f"{float(f'{value:.3g}'):g}"


def _place(result: Result) -> int:
    return NAMES.index(result["case"]) if result["case"] in NAMES else len(NAMES)


def _title(result: Result) -> str:
    return f"{result['case'].upper()}. {result['title']}"


def _summary(results: Sequence[Result]) -> str:
    """Return what was expected and not reached, and where peers are ahead, before everything else."""
    judged = [(result, one) for result in results for one in result["expectations"]]
    missed = [f"- {result['case'].upper()}: {_said(one)}" for result, one in judged if not one["reached"]]
    lost = [f"- {result['case'].upper()}: {_lost(result)}" for result in results if _is_lost(result)]
    reached = f"Of {len(judged)} expectations {len(judged) - len(missed)} are reached. {_runs(results)}"
    absent = [name.upper() for name in NAMES if name not in {result["case"] for result in results}]
    not_yet = [f"Not measured yet: {', '.join(absent)}."] if absent else []
    few = [f"{result['case'].upper()} {result['settings']['rounds']}" for result in results if _has_few_rounds(result)]
    rounds = (
        [f"Rounds where they are fewer than {_ENOUGH_ROUNDS}, so that chance has more to say: {', '.join(few)}."] if few else []
    )
    # A list needs an empty line before it to be one in every Markdown.
    listed = [lines for lines in (missed, lost, rounds, not_yet) if lines]
    return "\n".join(["## In short\n", f"{reached}\n", *(line for lines in listed for line in [*lines, ""])])


def _runs(results: Sequence[Result]) -> str:
    """Say of which run the cases are: figures of several runs are of several states of the code."""
    cases: dict[str, list[str]] = {}
    for result in results:
        run = ", then ".join(_begun(settings) for settings in (*result["settings"].get("added_to", ()), result["settings"]))
        cases.setdefault(run, []).append(result["case"].upper())
    if len(cases) == 1:
        return f"All cases are of one run, {next(iter(cases))}."
    return "The cases are of several runs: " + "; ".join(f"{', '.join(names)} {run}" for run, names in cases.items()) + "."


def _begun(settings: Mapping[str, Any]) -> str:
    return f"begun {settings.get('run')} with the code of {settings.get('commit')}"


def _is_lost(result: Result) -> bool:
    return any(ahead(group) or not _has_ours(group) for group in result["groups"])


def _has_ours(group: Mapping[str, Any]) -> bool:
    """Return whether ours was measured at all, where it was to be."""
    ours = [one for one in group["contestants"] if one["name"] == group["ours"] and one["rounds"]]
    return not ours or bool(ours[0]["summary"])


def _has_few_rounds(result: Result) -> bool:
    return int(result["settings"]["rounds"]) < _ENOUGH_ROUNDS


def _said(one: Mapping[str, Any]) -> str:
    said = f"{one['text']}: {_cell(one['figure'])}, wanted {one['wanted']}"
    said += f"; {one['fault']}" if one.get("fault") else "; not measured" if one["reached"] is None else ""
    return f"{said}; {one['why']}" if one["why"] else said


def _group(group: Mapping[str, Any], columns: Sequence[str]) -> str:
    shown = [name for name in columns if any(spread_of(one, name) for one in group["contestants"])]
    head = ["", *map(heading, shown)]
    lines = [f"### {group['name']}\n", _row(head), _row(["---"] * len(head))]
    lines += [_row([_name(one, group), *(_cell(spread_of(one, name)) for name in shown)]) for one in group["contestants"]]
    ideal = [f"- the ideal: {number(group['ideal_rows_per_second'])} rows/s, {group['ideal']}"] if group["ideal"] else []
    said = (f"- `{one['name']}`: {one['what']}{_failures(one)}" for one in group["contestants"])
    return "\n".join([*lines, "", *said, *ideal, *_elsewhere(group), *_cold(group), ""])


def _elsewhere(group: Mapping[str, Any]) -> list[str]:
    """Name those who did not have as many requests in flight as ours, by the server's count."""
    peaks = {one["name"]: spread_of(one, "peak_in_flight") for one in group["contestants"]}
    ours = peaks.get(group["ours"])
    if ours is None or not all(is_near(ours[end], ours["median"]) for end in ("min", "max")):
        return []
    wanted = ours["median"]
    others = [
        f"`{name}` {number(peak['median'])}"
        for name, peak in peaks.items()
        if peak is not None and not is_near(peak["median"], wanted)
    ]
    return [f"- not at about the {number(wanted)} in flight of `{group['ours']}`: {', '.join(others)}"] if others else []


def _cold(group: Mapping[str, Any]) -> list[str]:
    """Tell the warm-up, which is in no figure: the first run in a process, with how long its session took to open before."""
    firsts = [(one, one["warm_up"]) for one in group["contestants"] if one["warm_up"] and "figures" in one["warm_up"]]
    said = [
        f"`{one['name']}` {number(run['figures']['seconds'])} s for {number(run['figures']['rows_ok'])} rows"
        + (f" (session {number(run['session_seconds'])} s)" if run.get("session_seconds", 0) >= 1 else "")
        for one, run in firsts
    ]
    return [f"- the first, cold run, in no figure above: {'; '.join(said)}"] if said else []


def _name(one: Contestant, group: Mapping[str, Any]) -> str:
    return f"`{one['name']}`" + (" (baseline)" if one["name"] == group["baseline"] else "")


def _cell(spread: Mapping[str, float] | None) -> str:
    if spread is None:
        return "-"
    if spread["min"] == spread["max"]:
        return number(spread["median"])
    return f"{number(spread['median'])} ({number(spread['min'])} .. {number(spread['max'])})"


def _failures(one: Contestant) -> str:
    failed = [run["failed"] for run in one["rounds"] if "failed" in run]
    whys = "; ".join(dict.fromkeys(failed))
    return f". **No figure from {len(failed)} of {len(one['rounds'])} rounds**: {whys}" if failed else ""


def _expectations(expectations: Sequence[Mapping[str, Any]]) -> str:
    lines = [_row(["expected", "wanted", "found", ""]), _row(["---"] * 4)]
    lines += [_row([one["text"], one["wanted"], _cell(one["figure"]), _judgement(one)]) for one in expectations]
    whys = [f"{one['text']}: {one['why']}" for one in expectations if one["why"]]
    return "\n".join([*lines, "", *(f"{why}\n" for why in whys)])


def _judgement(one: Mapping[str, Any]) -> str:
    if one.get("fault"):
        return f"**not reached**: {one['fault']}"
    if one["reached"] is None:
        return "**not measured**"
    if not one["reached"]:
        return "**not reached**"
    return "reached" if one["in_every_round"] else "reached, not in every round"


def _lost(result: Result) -> str:
    absent = [group["name"] for group in result["groups"] if not _has_ours(group)]
    if absent:
        return f"**Ours was not measured**: {'; '.join(absent)}."
    if not any(one["is_peer"] and one["summary"] for group in result["groups"] for one in group["contestants"]):
        return "No peer was measured in this case."
    found = [f"{group['name']}: `{name}` {times:.3f} times" for group in result["groups"] for name, times in ahead(group)]
    return (
        f"Peers with a higher rate than ours: {'; '.join(found)}."
        if found
        else "No peer that was measured has a higher rate than ours."
    )


def _where(result: Result) -> str:
    machine, versions = result["machine"], {**result["versions"]}
    contestants = versions.pop("contestants")
    peers = {name: version for found in contestants.values() for name, version in found.items() if name != "python"}
    named = ", ".join(
        f"{name} {version}" for name, version in {**versions, **{k: v for k, v in peers.items() if k not in versions}}.items()
    )
    place = f"{machine['cores']} cores, {machine['memory_gb']} GB, {machine['cpu']}, {machine['os']}"
    return f"{result['date']}, {_settings(result['settings'])}{_others(result)}; {place}; {named}."


def _others(result: Result) -> str:
    """Say how much of the machine others had while it was measured, and in how many runs that was much."""
    rounds = [run for group in result["groups"] for one in group["contestants"] for run in one["rounds"]]
    shares = [100 * run["others_cpu_share"] for run in rounds if "others_cpu_share" in run]
    found = spread(shares)
    if found is None:
        return ""
    much = sum(share > _DISTURBS_PERCENT for share in shares)
    beside = (
        f", beside other work that took {found['median']:.0f} % of the machine's CPU ({found['min']:.0f} .. {found['max']:.0f})"
    )
    return f"{beside}, **more than {_DISTURBS_PERCENT} % in {much} of {len(shares)} runs**" if much else beside


def _settings(settings: Mapping[str, Any]) -> str:
    said = [f"{settings['rounds']} round{'' if settings['rounds'] == 1 else 's'}, {settings['minutes']:.0f} minutes"]
    said += [f"{settings['images']} images"] if settings["images"] else []
    said += [f"only {', '.join(settings['only'])}"] if settings["only"] else []
    return ", ".join(said)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
