"""The page of predictions, from the results alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from picsum_vision.sizing.result import SizingResult
from picsum_vision.sizing.summary import as_markdown

_ALLOWED: Final = 0.2


def write_page(results: Mapping[str, SizingResult], fit: str, path: Path) -> str:
    """Write the page and return the line that sums it up."""
    path.write_text("\n".join(_lines(results, fit)) + "\n", encoding="utf-8")
    return _verdict(results, fit)


def _lines(results: Mapping[str, SizingResult], fit: str) -> Iterator[str]:
    fitted = results[fit]
    environment = fitted.environment
    yield "# How well the planner predicts"
    yield ""
    yield "Made by `python -m benchmarks.plan_check` from its results; not edited by hand."
    yield ""
    yield (
        f"The constants were fitted to one suite ({_setting(fitted)}), and the whole job was then predicted and measured at "
        f"settings that they were not fitted on. {environment['tasks_at_once']} cores for Spark, its workers and the servers "
        f"together, Spark {environment['spark']}, Python {environment['driver']['python']}, {fitted.started_at[:10]}."
    )
    yield ""
    yield "| setting | images | predicted, s | measured, s | error |"
    yield "|---|---:|---:|---:|---:|"
    for name, result in results.items():
        if name == fit:
            continue
        for found in result.predictions:
            cells = (
                f"{found['images']:,}",
                f"{found['predicted_s']:.1f}",
                f"{found['measured_s']:.1f}",
                f"{found['error']:+.1%}",
            )
            yield f"| {_setting(result)} | {' | '.join(cells)} |"
    yield ""
    yield _verdict(results, fit)
    yield ""
    yield "The suite that the constants were fitted to:"
    yield ""
    yield as_markdown(fitted)


def _verdict(results: Mapping[str, SizingResult], fit: str) -> str:
    errors = [abs(found["error"]) for name, result in results.items() if name != fit for found in result.predictions]
    word = "within" if max(errors) <= _ALLOWED else "not within"
    return f"The largest error is {max(errors):.1%}: {word} the {_ALLOWED:.0%} that are asked for."


def _setting(result: SizingResult) -> str:
    demand = result.settings["demand"]
    limits = [
        f"{demand[name]:g} {words}"
        for name, words in (
            ("requests_per_second_per_host", "requests a second for each host"),
            ("requests_per_minute", "requests a minute"),
            ("tokens_per_minute", "tokens a minute"),
        )
        if demand.get(name)
    ]
    at_once = f"{demand['download_in_flight_per_task']} at once in a task"
    return ", ".join(
        [
            f"{demand['image_latency_s'] * 1_000:g} ms for an image with {at_once}",
            f"{demand['model_latency_s']:g} s for an answer with {demand['describe_in_flight_per_task']}",
            *limits,
        ]
    )
