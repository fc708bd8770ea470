"""List the cases (`python -m benchmarks`), run them (`... d1` or `... all`), make the page of results (`... results`)."""

from __future__ import annotations

import argparse
import dataclasses
import signal
import sys
from pathlib import Path
from typing import Any, Final

from benchmarks import cases
from benchmarks.harness.case import Case
from benchmarks.harness.page import write_page
from benchmarks.harness.result import document, write
from benchmarks.harness.rounds import Rounds

_HERE: Final = Path(__file__).resolve().parent
_RESULTS: Final = _HERE / "results"
_ROUNDS: Final = 5


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line asks."""
    # Whoever is told to end ends its processes too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    asked = _arguments(arguments)
    if asked.what is None:
        for name in cases.NAMES:
            print(f"{name}  {cases.build(name).title}")
        return 0
    if asked.what == "results":
        print(write_page(asked.output or _RESULTS, (asked.output or _HERE) / "RESULTS.md"))
        return 0
    for name in cases.NAMES if asked.what == "all" else (asked.what,):
        print(_run(name, asked))
    return 0


def _run(name: str, asked: argparse.Namespace) -> Path:
    case = narrowed(cases.build(name, asked.images), asked.only)
    rounds = Rounds()
    runs = rounds.run(case, asked.rounds)
    settings: dict[str, Any] = {"rounds": asked.rounds, "images": asked.images, "only": asked.only}
    is_whole = asked.images is None and asked.only is None and asked.rounds >= _ROUNDS
    result = document(case, runs, {**settings, "is_whole": is_whole}, rounds.versions)
    # What is no whole run never takes the place of one.
    return write(result, asked.output or (_RESULTS if is_whole else _RESULTS / "trials"))


def narrowed(case: Case, only: list[str] | None) -> Case:
    """Return the case with the contestants that are named; raises SystemExit if one of them is unknown."""
    if only is None:
        return case
    known = {one.name for group in case.groups for one in group.contestants}
    if unknown := sorted(set(only) - known):
        raise SystemExit(f"--only: {case.name} has no {', '.join(unknown)}; it has {', '.join(sorted(known))}")
    groups = [
        dataclasses.replace(group, contestants=tuple(one for one in group.contestants if one.name in only))
        for group in case.groups
    ]
    return dataclasses.replace(case, groups=tuple(group for group in groups if group.contestants))


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("what", nargs="?", choices=[*cases.NAMES, "all", "results"], metavar="CASE|all|results")
    parser.add_argument("--rounds", type=_from_one, default=_ROUNDS, help="after the warm-up; a figure needs five")
    parser.add_argument("--images", type=_from_one, help="rows, instead of the case's own; the result goes to results/trials")
    parser.add_argument("--only", type=lambda names: names.split(","), help="contestants, with commas between them")
    parser.add_argument("--output", type=Path, metavar="DIR", help="where results are written, or read for `results`")
    return parser.parse_args(arguments)


def _from_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not allowed; it must be a whole number from 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
