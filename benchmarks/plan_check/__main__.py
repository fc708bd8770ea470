"""Measure one setting, or write the page: `python -m benchmarks.plan_check WHAT`."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from benchmarks.plan_check.page import write_page
from picsum_vision.sizing import fit as fitting
from picsum_vision.sizing.result import SizingResult, read_result

RESULTS: Final = Path(__file__).with_name("results")
_ROOT: Final = Path(__file__).resolve().parents[2]
_PAGE: Final = _ROOT / "docs" / "sizing-predictions.md"
_OWN_FIT: Final = Path(fitting.__file__).with_name("default_fit.json")
FIT: Final = "fit"
_CHECKED: Final = ["--sizes", "1000,5000", "--stages", "total", "--notebook-images", "0"]
SETTINGS: Final = {
    FIT: ["--sizes", "100,1000,5000"],
    "slow-model": [*_CHECKED, "--image-latency-mean", "0.1", "--model-latency-mean", "3", "--model-in-flight", "64"],
    "limited-model": [*_CHECKED, "--model-latency-mean", "0.5", "--requests-per-minute", "3000"],
    "slow-host": [*_CHECKED, "--image-latency-mean", "1", "--download-in-flight", "64", "--model-latency-mean", "0.5"],
}


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line asks."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plan_check", description=__doc__)
    parser.add_argument("what", choices=[*SETTINGS, "page"])
    parser.add_argument("--repeats", type=int, default=1)
    asked = parser.parse_args(arguments)
    if asked.what == "page":
        found = {name: read_result(RESULTS / f"{name}.json") for name in SETTINGS}
        print(write_page(found, FIT, _PAGE))
        return 0
    _keep(asked.what, _measured(asked.what, asked.repeats))
    return 0


def _measured(what: str, repeats: int) -> SizingResult:
    """Run the suite as a user does, in a process of its own."""
    fit_from = [] if what == FIT else ["--fit-from", str(RESULTS / f"{FIT}.json")]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", "from picsum_vision.cli import main; main()", "bench", *SETTINGS[what], *fit_from]
        command += ["--repeats", str(repeats), "--output", folder, "--no-tracking"]
        subprocess.run(command, check=True)  # noqa: S603 - our own command
        return read_result(folder)


def _keep(what: str, result: SizingResult) -> None:
    """Keep a result without what is of no use here: the course over time, and the folder that is gone."""
    plain = result.as_dict() | {"folder": None}
    for stages in [*(repeat for size in plain["sizes"] for repeat in size["repeats"]), plain["cold"]]:
        for figures in stages.values():
            figures["series"] = []
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{what}.json").write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
    if what == FIT and result.fit is not None:
        machine = f"{result.environment['tasks_at_once']} cores, Spark {result.environment['spark']}, {result.started_at[:10]}"
        own = result.fit | {"source": f"the library's own, from {machine}"}
        _OWN_FIT.write_text(json.dumps(own, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
