"""How long a job takes: a stated model, small enough to be checked by hand. Its formulas are in docs/sizing.md.

A stage takes what its tightest limit makes of its rows, and the tail: the slowest of the last responses, which come when nothing
else is left to do.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from statistics import NormalDist, fmean
from typing import Any, Final

from picsum_vision.describing.backends import AiQuery, BatchChat
from picsum_vision.options import DescribeOptions, DownloadOptions
from picsum_vision.sizing.result import SizingResult, fields_of

IN_FLIGHT: Final = "requests in flight"
DOWNLOADS: Final = "downloads in flight"
QUESTIONS: Final = "questions in flight"
WINDOW: Final = "the window of bytes (window_bytes_per_task)"
WORKERS: Final = "the workers' own work"
HOST_RATE: Final = "the image host's requests per second"
REQUESTS: Final = "the model's requests per minute"
TOKENS: Final = "the model's tokens per minute"
LATENCY_UNKNOWN: Final = "how long an answer takes was neither stated nor told by the rows"
_COMMIT_S: Final = 0.4  # one commit of each table, measured on two cores
_EMITTED_MB: Final = 32  # rows on their way out of a worker
_MB: Final = 1_000_000
_AS_BASE64: Final = 4 / 3
_MINUTE_S: Final = 60


@dataclasses.dataclass(frozen=True, kw_only=True)
class Waits:
    """What the far side makes rows wait: `latency_s` for one row on average, lognormal with `sigma` for each of its `hops`.

    `at_once` rows are under way at the most in all `tasks`, for the reason `limit`. `rates` are further limits, rows a second.
    """

    latency_s: float
    at_once: int
    tasks: int
    sigma: float = 0.5
    hops: float = 1
    rates: Mapping[str, float] = dataclasses.field(default_factory=dict)
    limit: str = IN_FLIGHT

    def slowest_s(self, rows: float) -> float:
        """Return the expected longest wait among so many rows."""
        if self.latency_s <= 0 or rows <= 0:
            return 0.0
        spread = math.sqrt(math.log(1 + (math.exp(self.sigma**2) - 1) / self.hops))  # hops even each other out
        place = (max(rows, 1.0) - 0.375) / (max(rows, 1.0) + 0.25)
        return self.latency_s * math.exp(spread * NormalDist().inv_cdf(place) - spread**2 / 2)

    def bare_s(self, rows: int) -> float:
        """Return what so many rows wait at the least."""
        return max(self.latency_s, rows * self.latency_s / self.at_once, *(rows / rate for rate in self.rates.values()))


@dataclasses.dataclass(frozen=True, kw_only=True)
class StageTime:
    """A stage's seconds without its start, what each limit alone would make of it, and which one binds."""

    seconds: float
    binding: str
    tail_s: float
    limits: dict[str, float]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Demand:
    """One job's terms. Latencies in seconds are means for one image: of the download over all hops, and of the answer.

    `tasks` run at once. `tokens` are those of one question with its answer, as far as limits count them. `image_bytes` are
    those of an image as it comes, `sent_bytes` as it is sent, None if that is the same.
    """

    image_latency_s: float
    model_latency_s: float
    tasks: int
    latency_sigma: float = 0.5
    image_hops: int = 2  # an image of Lorem Picsum is two requests, to two hosts
    download_in_flight_per_task: int = DownloadOptions.max_in_flight_per_task
    describe_in_flight_per_task: int = DescribeOptions.max_in_flight_per_task
    requests_per_second_per_host: float | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    image_bytes: float = 44_000
    sent_bytes: float | None = None
    max_payload_bytes: int = DescribeOptions.max_payload_bytes
    tokens: float = 0
    window_bytes_per_task: int = DownloadOptions.window_bytes_per_task
    checkpoint_interval_s: float = 60
    is_fused: bool = True

    @property
    def _held_per_task(self) -> int:
        """How many images one task's window of bytes holds; one in any case."""
        return max(1, int(self.window_bytes_per_task / max(self.image_bytes, 1)))

    def _waits(self, latency_s: float, per_task: int, limit: str, **others: Any) -> Waits:
        at_once, tasks, sigma = per_task * self.tasks, self.tasks, self.latency_sigma
        return Waits(latency_s=latency_s, at_once=at_once, tasks=tasks, sigma=sigma, limit=limit, **others)

    @property
    def download(self) -> Waits:
        """What downloads wait for."""
        in_flight, held = self.download_in_flight_per_task, self._held_per_task
        rate, limit = self.requests_per_second_per_host, WINDOW if held < in_flight else DOWNLOADS
        rates = {HOST_RATE: rate} if rate else {}
        return self._waits(self.image_latency_s, min(in_flight, held), limit, hops=self.image_hops, rates=rates)

    @property
    def describe(self) -> Waits:
        """What questions wait for."""
        rates = {REQUESTS: self.requests_per_minute / _MINUTE_S} if self.requests_per_minute else {}
        if self.tokens_per_minute and self.tokens > 0:
            rates[TOKENS] = self.tokens_per_minute / _MINUTE_S / self.tokens
        return self._waits(self.model_latency_s, self.describe_in_flight_per_task, QUESTIONS, rates=rates)

    @property
    def held(self) -> Waits:
        """What a place in the window waits for in a fused job: an image keeps it from its download until it is described."""
        both_s = self.image_latency_s + self.model_latency_s
        squares = self.image_latency_s**2 / self.image_hops + self.model_latency_s**2
        return self._waits(both_s, self._held_per_task, WINDOW, hops=both_s**2 / squares if squares else 1)

    def worker_mb(self, stage: str = "total") -> float:
        """Return what one worker holds beside itself: its full window, the bodies of its questions, and rows going out."""
        downloads = 0 if stage == "describe" else self.download_in_flight_per_task
        questions = 0 if stage == "download" or not self.is_fused else self.describe_in_flight_per_task
        places, asked = min(downloads + questions, self._held_per_task), min(questions, self._held_per_task)
        sent = self.image_bytes if self.sent_bytes is None else self.sent_bytes
        return _EMITTED_MB + (places * self.image_bytes + asked * min(sent * _AS_BASE64, self.max_payload_bytes)) / _MB

    @classmethod
    def of_result(cls, result: SizingResult) -> Demand | None:
        """Return the terms under which a suite was measured; what nobody stated is taken from what was measured.

        None where a latency was neither stated nor told by the rows, as those of `AiQuery` tell none.
        """
        values = {name: value for name, value in fields_of(cls, result.settings["demand"]).items() if value is not None}
        for name, stage in (("image_latency_s", "download"), ("model_latency_s", "describe")):
            latency_s = values.get(name, _mean_latency_s(result, stage))
            if latency_s is None:
                return None
            values[name] = latency_s
        for name, stages, figures in (
            ("image_bytes", ("download",), ("bytes",)),
            ("sent_bytes", ("describe",), ("bytes",)),
            ("tokens", ("describe", "total"), ("input_tokens", "output_tokens")),
        ):
            measured = [each for size in result.sizes for stage in stages for each in size.of(stage)]
            seen = [(count, each) for each in measured if (count := sum(getattr(each, figure) or 0 for figure in figures))]
            if seen:
                rows = sum(each.rows_ok if each.questions is None else each.questions for _, each in seen)
                values[name] = sum(count for count, _ in seen) / max(1, rows)
        return cls(**values)


@dataclasses.dataclass(frozen=True, kw_only=True)
class JobTime:
    """A whole job's seconds, those of its rows alone, how often it commits, and the limit that binds."""

    seconds: float
    work_s: float
    commits: int
    binding: str


def limits_of(download: DownloadOptions, describe: DescribeOptions) -> dict[str, Any]:
    """Return the limits of a job by the names that they have in its demand."""
    return {
        "download_in_flight_per_task": download.max_in_flight_per_task,
        "describe_in_flight_per_task": describe.max_in_flight_per_task,
        "requests_per_second_per_host": download.requests_per_second_per_host_total,
        "requests_per_minute": describe.requests_per_minute_total,
        "tokens_per_minute": describe.tokens_per_minute_total,
        "window_bytes_per_task": download.window_bytes_per_task,
        "max_payload_bytes": describe.max_payload_bytes,
    }


def is_fused(backend: type[Any]) -> bool:
    """Return whether a backend of this class describes an image while others download."""
    return not issubclass(backend, (AiQuery, BatchChat))


def stage_time(rows: float, waits: Waits, row_s: float) -> StageTime:
    """Return what `rows` take; `row_s` are seconds of one task's own work for a row."""
    at_once = min(rows, waits.at_once)
    limits = {waits.limit: (rows - at_once) * waits.latency_s / at_once}
    limits |= {name: rows / rate for name, rate in waits.rates.items()}
    if row_s > 0:
        limits[WORKERS] = rows * row_s / waits.tasks
    binding = max(limits, key=lambda name: limits[name])
    # Where a rate binds few are under way: the last of them have a wait like any other.
    last = at_once if binding == waits.limit else min(rows, rows / max(limits[binding], 1e-9) * waits.latency_s)
    tail_s = waits.slowest_s(max(1.0, last))
    return StageTime(seconds=limits[binding] + tail_s, binding=binding, tail_s=tail_s, limits=limits)


def job_time(demand: Demand, rows: float, start_s: float, row_s: float) -> JobTime:
    """Return what a job takes: the longer stage and one wait of the other, or both in turn where they are not fused.

    Fused, an image keeps its place in the window of bytes through both stages: that is a limit of the job alone.
    """
    download, describe = stage_time(rows, demand.download, row_s), stage_time(rows, demand.describe, row_s)
    both = (download, demand.model_latency_s), (describe, demand.image_latency_s)
    longer, other_s = max(both, key=lambda each: each[0].seconds)
    work_s, binding = longer.seconds + other_s, longer.binding
    held = stage_time(rows, demand.held, 0.0)
    if not demand.is_fused:
        work_s = download.seconds + describe.seconds
    elif held.limits[WINDOW] > max(*download.limits.values(), *describe.limits.values()):
        work_s, binding = max(work_s, held.seconds), WINDOW
    commits = 1 + int(work_s / max(demand.checkpoint_interval_s, _COMMIT_S))
    return JobTime(seconds=start_s + work_s + commits * _COMMIT_S, work_s=work_s, commits=commits, binding=binding)


def _mean_latency_s(result: SizingResult, stage: str) -> float | None:
    """Return the mean of the stage's rows, else of the whole job's; None if they do not tell it, 0 where there are none."""
    measured = [
        [figures.latency_ms.get(name) for size in result.sizes for figures in size.of(where)]
        for where, name in ((stage, "mean"), ("total", f"{stage}_mean"))
    ]
    for found in measured:
        if means := [mean for mean in found if mean is not None]:
            return fmean(means) / 1_000
    return None if any(measured) else 0.0
