"""What a job asks of its far sides and what they allow: what the model of times is given."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from picsum_vision.describing.backends import AiQuery, BatchChat
from picsum_vision.options import DescribeOptions, DownloadOptions
from picsum_vision.sizing.model import HOST_RATE, REQUESTS, TOKENS, Waits

if TYPE_CHECKING:
    from picsum_vision.sizing.result import SizingResult

# A picture of Lorem Picsum is two requests, to two hosts.
PICSUM_HOPS: Final = 2
_MINUTE_S: Final = 60
LATENCY_UNKNOWN: Final = "how long an answer takes was neither stated nor told by the rows"


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
    image_hops: int = PICSUM_HOPS
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
    def download_waits(self) -> Waits:
        """What downloads wait for."""
        rates = {HOST_RATE: self.requests_per_second_per_host} if self.requests_per_second_per_host else {}
        return Waits(
            latency_s=self.image_latency_s,
            in_flight_per_task=self.download_in_flight_per_task,
            window_rows_per_task=self.window_images_per_task,
            tasks=self.tasks,
            sigma=self.latency_sigma,
            hops=self.image_hops,
            rates=rates,
        )

    @property
    def describe_waits(self) -> Waits:
        """What questions wait for."""
        rates = {REQUESTS: self.requests_per_minute / _MINUTE_S} if self.requests_per_minute else {}
        if self.tokens_per_minute and self.tokens > 0:
            rates[TOKENS] = self.tokens_per_minute / _MINUTE_S / self.tokens
        return Waits(
            latency_s=self.model_latency_s,
            in_flight_per_task=self.describe_in_flight_per_task,
            tasks=self.tasks,
            sigma=self.latency_sigma,
            rates=rates,
        )

    @property
    def window_images_per_task(self) -> int:
        """How many images one task's window of bytes holds; one in any case."""
        return max(1, int(self.window_bytes_per_task / max(self.image_bytes, 1)))

    @property
    def window_waits(self) -> Waits:
        """What a place in the window waits for in a fused job: an image keeps it from its download until it is described."""
        both_s = self.image_latency_s + self.model_latency_s
        squares = self.image_latency_s**2 / self.image_hops + self.model_latency_s**2
        return Waits(
            latency_s=both_s,
            in_flight_per_task=self.window_images_per_task,
            tasks=self.tasks,
            sigma=self.latency_sigma,
            hops=both_s**2 / squares if squares else 1,
        )

    @classmethod
    def of_result(cls, result: SizingResult) -> Demand | None:
        """Return the terms under which a suite was measured; what nobody stated is taken from what was measured.

        None where a latency was neither stated nor told by the rows, as those of `AiQuery` tell none.
        """
        plain: Mapping[str, Any] = result.settings["demand"]
        known = {field.name for field in dataclasses.fields(cls)}
        values = {name: value for name, value in plain.items() if name in known and value is not None}
        for name, stage in (("image_latency_s", "download"), ("model_latency_s", "describe")):
            latency_s = values.get(name, _mean_latency_s(result, stage))
            if latency_s is None:
                return None
            values[name] = latency_s
        values |= _seen_sizes(result)
        return cls(**values)


def is_fused(backend: type[Any]) -> bool:
    """Return whether a backend of this class describes an image while others download."""
    return not issubclass(backend, (AiQuery, BatchChat))


def _mean_latency_s(result: SizingResult, stage: str) -> float | None:
    """Return the mean of the stage's rows, else of the whole job's; None if they do not tell it, 0 where there are none."""
    measured = False
    for where, name in ((stage, "mean"), ("total", f"{stage}_mean")):
        found = [figures.latency_ms for size in result.sizes for figures in size.of(where)]
        means = [latency_ms[name] for latency_ms in found if name in latency_ms]
        if means:
            return sum(means) / len(means) / 1_000
        measured = measured or bool(found)
    return None if measured else 0.0


def _seen_sizes(result: SizingResult) -> dict[str, float]:
    """Return bytes and tokens of a row as they were."""
    found = {}
    images = [(figures.bytes, figures.rows_ok) for size in result.sizes for figures in size.of("download") if figures.bytes]
    if images:
        found["image_bytes"] = sum(count for count, _ in images) / max(1, sum(rows for _, rows in images))
    sent = [
        (figures.bytes, figures.questions or figures.rows_ok)
        for size in result.sizes
        for figures in size.of("describe")
        if figures.bytes
    ]
    if sent:
        found["sent_bytes"] = sum(count for count, _ in sent) / max(1, sum(rows for _, rows in sent))
    questions = [
        (figures.input_tokens + (figures.output_tokens or 0), figures.rows_ok if figures.questions is None else figures.questions)
        for size in result.sizes
        for stage in ("describe", "total")
        for figures in size.of(stage)
        if figures.input_tokens
    ]
    if questions:
        found["tokens"] = sum(count for count, _ in questions) / max(1, sum(rows for _, rows in questions))
    return found
