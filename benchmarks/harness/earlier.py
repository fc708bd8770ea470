"""The rounds that a result has already, for a run that adds to them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness.case import Case
from benchmarks.harness.result import document, plain
from benchmarks.harness.rounds import Runs, rounds_in

# What a run finds out; everything else in a result says what was measured, and must be the same to be added to.
_FOUND = frozenset({"date", "settings", "expectations", "warm_up", "rounds", "summary", "ratios"})
_SENTENCES = frozenset({"title", "shows", "shows_not", "what", "columns", "plotted", "ideal"})


class MeasuredOtherwiseError(Exception):
    """What is there is of another case, machine or version: nothing can be added to it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Earlier:
    """Runs by (group, contestant), the contestants' versions, the minutes that it took, and when and with what code it was begun.

    Nothing where there is nothing.
    """

    runs: Runs = dataclasses.field(default_factory=dict)
    versions: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    minutes: float = 0.0
    begun: Sequence[Mapping[str, Any]] = ()

    @property
    def rounds(self) -> int:
        """How many rounds there are, the warm-up apart."""
        return rounds_in(self.runs)

    @classmethod
    def read(cls, case: Case, folders: Iterable[Path]) -> Earlier:
        """Read the result in the first of `folders` that has it; raises MeasuredOtherwiseError if nothing can be added to it."""
        found = [path for folder in folders if (path := folder / f"{case.name}.json").exists()]
        if not found:
            return cls()
        path = found[0]
        result = json.loads(path.read_text())
        if _measured(result) != _measured(plain(document(case, {}, result["settings"], {}))):
            raise MeasuredOtherwiseError(
                f"--more: {path.name} was measured with another case, machine or version; run it anew without --more"
            )
        settings = result["settings"]
        begun = [*settings.get("added_to", ()), {name: settings.get(name) for name in ("run", "commit")}]
        return cls(runs=_runs(result), versions=result["versions"]["contestants"], minutes=settings["minutes"], begun=begun)


def _runs(result: Mapping[str, Any]) -> Runs:
    return {
        (group["name"], one["name"]): [*([one["warm_up"]] if one["warm_up"] else []), *one["rounds"]]
        for group in result["groups"]
        for one in group["contestants"]
    }


def _measured(result: Mapping[str, Any]) -> Any:
    versions = {name: found for name, found in result["versions"].items() if name != "contestants"}
    return _without({**result, "versions": versions}, _FOUND | _SENTENCES)


def _without(value: Any, names: frozenset[str]) -> Any:
    if isinstance(value, Mapping):
        return {name: _without(inner, names) for name, inner in value.items() if name not in names}
    if isinstance(value, list):
        return [_without(inner, names) for inner in value]
    return value
