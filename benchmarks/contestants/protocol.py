"""How a contestant's process is spoken to: one JSON object a line on its standard input, one on its standard output.

    {"do": "start", "settings": {...}}   ->  {"versions": {...}}        a session is opened; its length is "seconds"
    {"do": "prepare", "order": {...}}    ->  {}                         what is not measured: addresses, input tables
    {"do": "run"}                        ->  {"seconds": 1.23}          what is measured, until the result is readable
    {"do": "check"}                      ->  {"rows_ok": 100}           how many rows of it are right; not measured; with
                                             "told" where the contestant has figures of its own, by name

An answer has "failed" instead where the contestant raised. The process ends when its standard input closes. The standard
library only: peers run this in environments of their own.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

Order = Mapping[str, Any]
# As a session's master: a standalone cluster of two workers with one core each, which the contestant starts.
STANDALONE_CLUSTER = "standalone"


class Contestant(Protocol):
    """What a module of this folder gives."""

    def prepare(self, order: Order) -> None:
        """Get ready for `order`: everything that is not measured."""
        ...

    def run(self) -> None:
        """Do the work; when it returns, the result is readable in its sink."""
        ...

    def rows_ok(self) -> int:
        """Count the rows of the last run that are right, and let go of them."""
        ...

    def close(self) -> None:
        """End what was opened."""
        ...


def serve(open_contestant: Callable[[Mapping[str, Any]], Contestant], packages: Sequence[str]) -> None:
    """Answer commands until the standard input closes; `packages` are those whose versions matter to the result."""
    # Who is told to end closes what it opened: a cluster's daemons would outlive it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    answers = os.fdopen(os.dup(1), "w")
    # What libraries print is no answer.
    os.dup2(2, 1)
    contestant: Contestant | None = None
    try:
        for line in sys.stdin:
            command = json.loads(line)
            try:
                if command["do"] == "start":
                    began_s = time.perf_counter()
                    contestant = open_contestant(command["settings"])
                    answer: dict[str, Any] = {"seconds": time.perf_counter() - began_s, "versions": _versions(packages)}
                else:
                    assert contestant is not None  # noqa: S101 - the harness starts it first
                    answer = _obey(contestant, command)
            except Exception as error:  # noqa: BLE001 - whatever a peer raises is its result, and the next run goes on
                traceback.print_exc()
                answer = {"failed": type(error).__name__}
            answers.write(json.dumps(answer) + "\n")
            answers.flush()
    finally:
        if contestant is not None:
            contestant.close()


def addresses(order: Order) -> list[str]:
    """Return the URLs of an order: its `paths` by turns, numbered from 0."""
    base_url, paths = order["base_url"], order["paths"]
    return [base_url + paths[number % len(paths)].format(n=number) for number in range(order["rows"])]


def _obey(contestant: Contestant, command: Mapping[str, Any]) -> dict[str, Any]:
    if command["do"] == "prepare":
        contestant.prepare(command["order"])
        return {}
    if command["do"] == "check":
        return {"rows_ok": contestant.rows_ok(), "told": getattr(contestant, "told", {})}
    began_s = time.perf_counter()
    contestant.run()
    return {"seconds": time.perf_counter() - began_s}


def _versions(packages: Sequence[str]) -> dict[str, str]:
    return {"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in packages}}
