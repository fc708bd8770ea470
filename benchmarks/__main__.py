"""List the cases (`python -m benchmarks`), run one (`... d1`), or `all` and then make the page of `results`, or that alone."""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks import cases
from benchmarks.harness.case import Case
from benchmarks.harness.earlier import Earlier, MeasuredOtherwiseError
from benchmarks.harness.machine import commit
from benchmarks.harness.page import write_page
from benchmarks.harness.result import document, write
from benchmarks.harness.rounds import Rounds

_HERE: Final = Path(__file__).resolve().parent
_RESULTS: Final = _HERE / "results"


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line asks."""
    # Whoever is told to end ends its processes too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    asked = _arguments(arguments)
    if asked.what is None:
        _list_cases()
        return 0
    if asked.what == "results":
        print(_page(asked.output))
        return 0
    run = f"{dt.datetime.now(dt.timezone.utc):%Y-%m-%d %H:%M} UTC"
    if asked.what == "all":
        return _run_all(asked, run)
    try:
        print(_run(narrowed(cases.build(asked.what, asked.images), asked.only), asked, run))
    except MeasuredOtherwiseError as error:
        raise SystemExit(str(error)) from error
    return 0


def _run_all(asked: argparse.Namespace, run: str) -> int:
    """Run every case, whatever becomes of one, and make the page; return 1 if one could not be run."""
    built = all_narrowed([cases.build(name, asked.images) for name in cases.NAMES], asked.only)
    went_through = [_went_through(case, asked, run) for case in built]
    print(_page(asked.output))
    return 0 if all(went_through) else 1


def _went_through(case: Case, asked: argparse.Namespace, run: str) -> bool:
    """Run a case and return whether it could be."""
    try:
        print(_run(case, asked, run))
    except MeasuredOtherwiseError as error:
        sys.stderr.write(f"{case.name}: {error}\n")
        return False
    except Exception:  # noqa: BLE001 - whatever it is, the other cases are worth having; the error stands on stderr
        traceback.print_exc()
        sys.stderr.write(f"{case.name} could not be run; the other cases go on\n")
        return False
    return True


def _page(output: Path | None) -> Path:
    return write_page(output or _RESULTS, (output or _HERE) / "RESULTS.md")


def _list_cases() -> None:
    built = [cases.build(name) for name in cases.NAMES]
    for case in built:
        print(f"{case.name}  {case.minutes:2} min, rounds: {case.rounds}  {case.title}")
    print(f"all {sum(case.minutes for case in built)} min")


def _run(case: Case, asked: argparse.Namespace, run: str) -> Path:
    name = case.name
    is_trial = asked.images is not None or asked.only is not None
    # What is no whole run, or not yet, never takes the place of one.
    whole, partial = asked.output or _RESULTS, asked.output or _RESULTS / "trials"
    earlier = Earlier.read(case, [partial, whole]) if asked.more else Earlier()
    wanted = asked.rounds or max(0, case.rounds - earlier.rounds)
    rounds, began_s, code = Rounds(), time.monotonic(), commit()
    written = whole / f"{name}.json"

    def keep(done: int) -> None:
        nonlocal written
        is_whole = not is_trial and done >= case.rounds
        settings: dict[str, Any] = {"rounds": done, "images": asked.images, "only": asked.only, "is_whole": is_whole}
        settings |= {"run": run, "commit": code, **({"added_to": list(earlier.begun)} if earlier.begun else {})}
        settings["minutes"] = earlier.minutes + (time.monotonic() - began_s) / 60
        result = document(case, earlier.runs, settings, {**earlier.versions, **rounds.versions})
        written = write(result, whole if is_whole else partial)
        if is_whole and partial != whole:
            (partial / f"{name}.json").unlink(missing_ok=True)

    if wanted:
        rounds.run(case, wanted, earlier.runs, keep)
    return written


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


def all_narrowed(built: Sequence[Case], only: list[str] | None) -> list[Case]:
    """Return the cases that have any of the named contestants, with these; raises SystemExit for a name that no case has."""
    names = {case.name: {one.name for group in case.groups for one in group.contestants} for case in built}
    if only is None:
        return list(built)
    if unknown := sorted(set(only) - set().union(*names.values())):
        raise SystemExit(f"--only: no case has {', '.join(unknown)}")
    found = [(case, [name for name in only if name in names[case.name]]) for case in built]
    return [narrowed(case, known) for case, known in found if known]


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("what", nargs="?", choices=[*cases.NAMES, "all", "results"], metavar="CASE|all|results")
    parser.add_argument("--rounds", type=_from_one, help="after the warm-up, instead of the case's own number")
    parser.add_argument(
        "--more", action="store_true", help="add to the rounds that the result has: up to the case's number, or --rounds of them"
    )
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
