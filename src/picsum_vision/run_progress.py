"""What is known of a job while it runs: one value, which terminals, notebooks and logs show each in their way."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Final, Literal

Step = Literal["prepare", "download", "describe", "download_and_describe", "finish"]

WORDS: Final[Mapping[Step, str]] = {
    "prepare": "preparing",
    "download": "downloading",
    "describe": "describing",
    "download_and_describe": "downloading and describing",
    "finish": "finishing",
}
_MEGABYTE: Final = 1_000_000
_FAILURES_SHOWN: Final = 4
_MINUTE_S: Final = 60
_HOUR_S: Final = 3_600


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProgressEvent:
    """One look at a running job.

    Parameters
    ----------
    step
        What is being done.
    message
        What has just happened, as one line; empty for a look in between.
    rows_done, rows_total
        Rows of this step that have an outcome, and how many it has in all; None where there is nothing to count.
    is_estimate
        Whether `rows_done` and what follows from it are reckoned from the speed of earlier passes, because nothing is heard from
        the workers.
    download_by_status, describe_by_status
        Rows of this step by their status.
    bytes
        Bytes of images that were fetched in this step.
    input_tokens, output_tokens, cost
        What the whole run has used so far; None where no endpoint says it, or no prices are given.
    images_per_second
        Over the last half minute; 0 while nothing is known.
    elapsed_s, left_s
        Seconds since the run began, and until this step's rows are done; None while it is not known.

    """

    step: Step
    message: str = ""
    rows_done: int = 0
    rows_total: int | None = None
    is_estimate: bool = False
    download_by_status: Mapping[str, int] = dataclasses.field(default_factory=dict)
    describe_by_status: Mapping[str, int] = dataclasses.field(default_factory=dict)
    bytes: int = 0
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None
    images_per_second: float = 0.0
    elapsed_s: float = 0.0
    left_s: float | None = None

    @property
    def rows_left(self) -> int | None:
        """Rows without an outcome."""
        return None if self.rows_total is None else max(0, self.rows_total - self.rows_done)

    @property
    def failures(self) -> dict[str, int]:
        """Rows that failed by the word for why, the most frequent first; a download that failed counts once, as such."""
        counted = {status: rows for status, rows in self.download_by_status.items() if status != "ok"}
        for status, rows in self.describe_by_status.items():
            if status != "ok" and not (status == "no_image" and self.download_by_status):
                counted[status] = counted.get(status, 0) + rows
        return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))

    @property
    def figures(self) -> list[str]:
        """Speed, failures, tokens, cost and time left as short texts; those that are known."""
        texts = [f"{self.images_per_second:,.1f} images/s"] if self.images_per_second else []
        if self.bytes:
            texts.append(f"{self.bytes / _MEGABYTE:,.1f} MB")
        if self.failures:
            texts.append(f"{sum(self.failures.values()):,} failed ({_listed(self.failures)})")
        if self.input_tokens or self.output_tokens:  # a backend without a model counts none
            texts.append(f"{self.input_tokens or 0:,} + {self.output_tokens or 0:,} tokens")
        if self.cost is not None:
            texts.append(f"cost {self.cost:,.4f}")
        if self.left_s is not None and self.rows_left:
            texts.append(f"{time_text(self.left_s)} left")
        return texts

    @property
    def count(self) -> str:
        """How far it is, as in `240 of 1,000`; empty where there is nothing to count."""
        if self.rows_total is None:
            return ""
        return f"{'about ' if self.is_estimate else ''}{self.rows_done:,} of {self.rows_total:,}"

    def __str__(self) -> str:
        """Return one line: what has happened, or how far it is with the figures."""
        if self.message:
            return self.message
        return ", ".join([f"{WORDS[self.step]} {self.count}".rstrip(), *self.figures])


def time_text(seconds: float) -> str:
    """Return a span as people say it: `40 s`, `3 min 05 s`, `2 h 10 min`."""
    whole = max(0, round(seconds))
    if whole < _MINUTE_S:
        return f"{whole} s"
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min {whole % _MINUTE_S:02d} s"
    return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S:02d} min"


def _listed(failures: Mapping[str, int]) -> str:
    shown = [f"{rows:,} {status}" for status, rows in list(failures.items())[:_FAILURES_SHOWN]]
    more = len(failures) - len(shown)
    return ", ".join([*shown, f"{more} more kinds"] if more > 0 else shown)
