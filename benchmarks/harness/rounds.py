"""Runs a case: every contestant by turns, first for warmth, then round after round; what fails is noted, and the case goes on."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import psutil

from benchmarks.harness.case import Case, Contestant, Group
from benchmarks.harness.contestant_process import ContestantFailedError, ContestantProcess
from benchmarks.harness.environments import EnvironmentMissingError
from benchmarks.harness.figures import figures
from benchmarks.harness.process_tree import OtherWork, TreeWatch
from benchmarks.harness.stage import Stage

_PREPARE_TIMEOUT_S: Final = 120
_CHECK_TIMEOUT_S: Final = 120
WARM_UP: Final = 0
# Of a contestant that failed so often no further run is tried.
_FAILURES_AT_MOST: Final = 2

Key = tuple[str, ...]
Runs = dict[tuple[str, str], list[dict[str, Any]]]


class Rounds:
    """The contestants' processes and the groups' servers, alive for one case."""

    def __init__(self) -> None:
        """Begin with nothing running."""
        self._processes: dict[Key, ContestantProcess] = {}
        self._failures: dict[tuple[str, str], int] = {}
        self._are_split = False
        self.versions: dict[str, dict[str, str]] = {}

    def run(self, case: Case, rounds: int, runs: Runs, after_round: Callable[[int], None]) -> None:
        """Add a warm-up, which is round 0, and `rounds` rounds to `runs`, the runs of each (group, contestant).

        Rounds are numbered from where `runs` ends; `after_round` is told how many there are then.
        """
        done = rounds_in(runs)
        self._are_split = case.has_own_processes
        with contextlib.ExitStack() as open_things:
            open_things.callback(self._close)
            folder = Path(open_things.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-")))
            stages = {}
            for group in case.groups:
                stages[group.name] = Stage(group, folder)
                open_things.callback(stages[group.name].close)
            for number in (WARM_UP, *range(done + 1, done + rounds + 1)):
                for group, contestant in _turns(case, number):
                    measured = self._one(number, group, contestant, stages[group.name])
                    runs.setdefault((group.name, contestant.name), []).append({"round": number, **measured})
                    _tell(case, group, contestant, runs[group.name, contestant.name][-1])
                if number != WARM_UP:
                    after_round(number)

    def _one(self, number: int, group: Group, contestant: Contestant, stage: Stage) -> dict[str, Any]:
        line = (group.name, contestant.name)
        if self._failures.get(line, 0) >= _FAILURES_AT_MOST:
            return {"failed": "not tried again"}
        try:
            process, is_new = self._process(group, contestant)
            if is_new and number != WARM_UP and not contestant.is_fresh:
                self._measured(group, contestant, stage, process, group.warm_up_rows)
            at_most = group.warm_up_rows if number == WARM_UP else None
            measured = self._measured(group, contestant, stage, process, at_most)
        except (ContestantFailedError, EnvironmentMissingError, psutil.NoSuchProcess) as error:
            # Whom the first run in a new process was too much for may do better in the next one.
            if number != WARM_UP or isinstance(error, EnvironmentMissingError):
                self._failures[line] = self._failures.get(line, 0) + 1
            self._end(group, contestant)
            return {"failed": "its process ended" if isinstance(error, psutil.NoSuchProcess) else str(error)}
        if contestant.is_fresh:
            self._processes.pop(self._key(group, contestant)).close()
        return {**measured, "session_seconds": process.start_seconds} if is_new else measured

    def _measured(
        self, group: Group, contestant: Contestant, stage: Stage, process: ContestantProcess, at_most_rows: int | None
    ) -> dict[str, Any]:
        rows = contestant.rows or group.rows
        rows = rows if at_most_rows is None else min(rows, at_most_rows)
        order = {**group.order, **contestant.order, **stage.order(rows), "rows": rows}
        process.ask({"do": "prepare", "order": order}, _PREPARE_TIMEOUT_S)
        stage.begin()
        watch = TreeWatch(process.pid)
        watch.start()
        others = OtherWork(process.pid)
        try:
            seconds = process.ask({"do": "run"}, contestant.timeout_s or group.timeout_s)["seconds"]
        finally:
            used = watch.stop()
        others_share = others.share(sum(used["cpu_seconds"].values()))
        seen = stage.seen()
        checked = process.ask({"do": "check"}, _CHECK_TIMEOUT_S)
        rows_ok, told = checked["rows_ok"], checked.get("told", {})
        found = {**figures(group, rows_ok, seconds, used, seen), **told}
        return {"figures": found, **used, **seen, "others_cpu_share": others_share}

    def _process(self, group: Group, contestant: Contestant) -> tuple[ContestantProcess, bool]:
        key = self._key(group, contestant)
        running = self._processes.get(key)
        if running is not None and running.is_alive:
            return running, False
        started = ContestantProcess(contestant.module, contestant.environment, contestant.session)
        self._processes[key] = started
        self.versions[contestant.environment or contestant.module] = started.versions
        return started, True

    def _end(self, group: Group, contestant: Contestant) -> None:
        """After a failure nothing is known of its process, such as whether its Spark still runs: the next run gets a new one."""
        process = self._processes.pop(self._key(group, contestant), None)
        if process is not None:
            process.kill()

    def _close(self) -> None:
        for process in self._processes.values():
            process.close()

    def _key(self, group: Group, contestant: Contestant) -> Key:
        shared = (contestant.module, contestant.environment or "", repr(sorted(contestant.session.items())))
        return (*shared, group.name if self._are_split else "", contestant.name if contestant.is_fresh else "")


def rounds_in(runs: Mapping[tuple[str, str], Sequence[Mapping[str, Any]]]) -> int:
    """Return how many rounds there are, the warm-up apart."""
    return max((run["round"] for found in runs.values() for run in found), default=WARM_UP)


def _turns(case: Case, number: int) -> Iterator[tuple[Group, Contestant]]:
    """Who runs in round `number`, each round beginning with another: who comes after whom is no advantage of one line."""
    for group in case.groups:
        if number == WARM_UP and not group.warm_up:
            continue
        first = number % len(group.contestants)
        for contestant in (*group.contestants[first:], *group.contestants[:first]):
            yield group, contestant


def _tell(case: Case, group: Group, contestant: Contestant, run: Mapping[str, Any]) -> None:
    when = "warm-up" if run["round"] == WARM_UP else f"round {run['round']}"
    if "failed" in run:
        said = run["failed"]
    else:
        found = run["figures"]
        said = (
            f"{found['rows_ok']} ok in {found['seconds']:.2f} s, {found['rows_per_second']:.1f} rows/s, "
            f"peak in flight {found['peak_in_flight']}, requests {found['requests']}, refused {found['refused']}"
        )
    sys.stderr.write(f"{case.name} | {group.name} | {when} | {contestant.name}: {said}\n")
