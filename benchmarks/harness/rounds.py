"""Runs a case: every contestant by turns, first for warmth, then round after round; what fails is noted, and the case goes on."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

from benchmarks.harness.case import Case, Contestant, Group
from benchmarks.harness.contestant_process import ContestantFailedError, ContestantProcess
from benchmarks.harness.environments import EnvironmentMissingError
from benchmarks.harness.figures import figures
from benchmarks.harness.process_tree import TreeWatch
from benchmarks.harness.servers import RunningServer

_PREPARE_TIMEOUT_S: Final = 120
_CHECK_TIMEOUT_S: Final = 120
WARM_UP: Final = 0
# Of a contestant that failed so often no further run is tried.
_FAILURES_AT_MOST: Final = 2

Key = tuple[str, str | None, str]


class Rounds:
    """The contestants' processes and the groups' servers, alive for one case."""

    def __init__(self) -> None:
        """Begin with nothing running."""
        self._processes: dict[Key, ContestantProcess] = {}
        self._failures: dict[tuple[str, str], int] = {}
        self.versions: dict[str, dict[str, str]] = {}

    def run(self, case: Case, rounds: int) -> dict[tuple[str, str], list[dict[str, Any]]]:
        """Return the runs of each (group, contestant); round 0 is the warm-up."""
        runs: dict[tuple[str, str], list[dict[str, Any]]] = {}
        with contextlib.ExitStack() as open_things:
            open_things.callback(self._close)
            servers = {group.name: RunningServer(group.server) for group in case.groups}
            for server in servers.values():
                open_things.callback(server.stop)
            for number, group, contestant in _turns(case, rounds):
                measured = self._one(group, contestant, servers[group.name])
                runs.setdefault((group.name, contestant.name), []).append({"round": number, **measured})
                _tell(case, group, contestant, runs[group.name, contestant.name][-1])
        return runs

    def _one(self, group: Group, contestant: Contestant, server: RunningServer) -> dict[str, Any]:
        line = (group.name, contestant.name)
        if self._failures.get(line, 0) >= _FAILURES_AT_MOST:
            return {"failed": "not tried again"}
        try:
            return self._measured(group, contestant, server)
        except (ContestantFailedError, EnvironmentMissingError) as error:
            self._failures[line] = self._failures.get(line, 0) + 1
            return {"failed": str(error)}

    def _measured(self, group: Group, contestant: Contestant, server: RunningServer) -> dict[str, Any]:
        rows = contestant.rows or group.rows
        process, is_new = self._process(contestant)
        order = {**group.order, **contestant.order, "rows": rows, "base_url": server.base_url}
        process.ask({"do": "prepare", "order": order}, _PREPARE_TIMEOUT_S)
        server.begin()
        watch = TreeWatch(process.pid)
        watch.start()
        try:
            seconds = process.ask({"do": "run"}, group.timeout_s)["seconds"]
        finally:
            used = watch.stop()
        seen = server.seen()
        rows_ok = process.ask({"do": "check"}, _CHECK_TIMEOUT_S)["rows_ok"]
        first = {"session_seconds": process.start_seconds} if is_new else {}
        return {"figures": figures(group, rows_ok, seconds, used, seen), **used, "server": seen, **first}

    def _process(self, contestant: Contestant) -> tuple[ContestantProcess, bool]:
        key = (contestant.module, contestant.environment, repr(sorted(contestant.session.items())))
        running = self._processes.get(key)
        if running is not None and running.is_alive:
            return running, False
        started = ContestantProcess(contestant.module, contestant.environment, contestant.session)
        self._processes[key] = started
        self.versions[contestant.environment or contestant.module] = started.versions
        return started, True

    def _close(self) -> None:
        for process in self._processes.values():
            process.close()


def _turns(case: Case, rounds: int) -> Iterator[tuple[int, Group, Contestant]]:
    for number in range(rounds + 1):
        for group in case.groups:
            if number == WARM_UP and not group.warm_up:
                continue
            if group.rounds is None or number <= group.rounds:
                yield from ((number, group, contestant) for contestant in group.contestants)


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
