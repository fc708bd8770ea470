"""Alternating rounds, medians, ratios, and the JSON file that they end in."""

from __future__ import annotations

import argparse
import dataclasses
import json
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from picsum_vision.testing.image_server import ImageServer


@dataclasses.dataclass(frozen=True)
class Measured:
    """One run of one contestant: rows with status ok, seconds until the result was readable, and what the server saw."""

    ok_rows: int
    seconds: float
    cpu_seconds: float
    server: Mapping[str, Any]

    @property
    def rows_per_second(self) -> float:
        """Rows with status ok per second of wall time."""
        return self.ok_rows / self.seconds


def measure(server: ImageServer, work: Callable[[], int]) -> Measured:
    """Run `work`, which returns the number of rows with status ok. CPU seconds are this process's and its ended children's."""
    server.reset_stats()
    cpu_s, began_s = _cpu_s(), time.perf_counter()
    ok_rows = work()
    seconds = time.perf_counter() - began_s
    told = server.stats()
    seen = {name: told[name] for name in ("requests", "peak_in_flight", "refused", "connections_opened", "by_status")}
    return Measured(ok_rows, seconds, _cpu_s() - cpu_s, seen)


def alternate(server: ImageServer, contestants: Mapping[str, Callable[[], int]], rounds: int) -> dict[str, list[Measured]]:
    """Warm up every contestant once, then run them by turns."""
    results: dict[str, list[Measured]] = {name: [] for name in contestants}
    for turn in range(rounds + 1):
        for name, work in contestants.items():
            measured = measure(server, work)
            sys.stderr.write(
                f"{'warm-up' if turn == 0 else turn} {name}: {measured.rows_per_second:.1f} rows/s, {dict(measured.server)}\n"
            )
            if turn:
                results[name].append(measured)
    return results


def spread(values: list[float]) -> dict[str, float]:
    """Return median, minimum and maximum."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def report(shows: str, shows_not: str, results: Mapping[str, list[Measured]], baseline: str, output: Path | None) -> None:
    """Print, and write to `output`, each contestant's rate and its ratio to the baseline's of the same round."""
    document = {
        "shows": shows,
        "shows_not": shows_not,
        "machine": {"python": platform.python_version(), "system": platform.platform()},
        "contestants": {
            name: {
                "rows_per_second": spread([one.rows_per_second for one in runs]),
                f"ratio_to_{baseline}": spread(
                    [one.rows_per_second / base.rows_per_second for one, base in zip(runs, results[baseline], strict=True)]
                ),
                "runs": [dataclasses.asdict(one) for one in runs],
            }
            for name, runs in results.items()
        },
    }
    text = json.dumps(document, indent=2)
    sys.stdout.write(text + "\n")
    if output is not None:
        output.write_text(text + "\n")


def arguments(description: str, **defaults: int) -> argparse.Namespace:
    """Read `--rounds`, `--output` and the case's own whole numbers."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path)
    for name, value in defaults.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=value)
    return parser.parse_args()


def _cpu_s() -> float:
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )
