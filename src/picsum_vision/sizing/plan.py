"""`plan`: how long a job would take, what would bind it, what it would need and cost."""

from __future__ import annotations

import dataclasses
import math
import os
from pathlib import Path
from typing import Any, Final

from picsum_vision.describing.backends import Backend
from picsum_vision.describing.image_tokens import image_token_rule, text_tokens
from picsum_vision.describing.spending import cost
from picsum_vision.describing.tasks import Describe, Task
from picsum_vision.options import DescribeOptions, DownloadOptions
from picsum_vision.sizing.advice import advice
from picsum_vision.sizing.demand import PICSUM_HOPS, Demand
from picsum_vision.sizing.fit import Fit, default_fit, fit_named
from picsum_vision.sizing.job_time import job_seconds, job_work, passes_of
from picsum_vision.sizing.memory import modelled_mb
from picsum_vision.sizing.model import IN_FLIGHT, WORKERS, StageTime, stage_time
from picsum_vision.sizing.plan_text import plan_text
from picsum_vision.sizing.planned_backend import planned_backend
from picsum_vision.sizing.settings import MOST_IMAGE_LATENCY_S, MOST_MODEL_LATENCY_S, MOST_TASKS
from picsum_vision.spark.estimate import usual_output_tokens
from picsum_vision.validation import check_integer, check_number

# A JPEG of Lorem Picsum, 800 x 600, comes to 44 kB.
_BYTES_PER_PIXEL: Final = 44_000 / (800 * 600)
_MB: Final = 1_000_000
_BYTES_PER_TOKEN: Final = 4
_OUTCOME_BYTES: Final = 200
_ENOUGH: Final = 1.5
# Beyond these there is nothing to reckon with: numbers that no float holds, and pictures that no table of Spark's holds.
_MOST: Final = 1_000_000_000_000
_SLOWEST: Final = 1e-6
_LONGEST_SIDE_PX: Final = 100_000
_MOST_IMAGE_BYTES: Final = 2_147_483_647
_LONGEST_INTERVAL_S: Final = 1e9


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """What a job would take. Seconds, megabytes, tokens; `cost` in the prices' currency, None without prices.

    `binding` is the limit that decides, `stages` what each stage alone would take and each limit of it, `passes` how often the
    job commits, `settings` what to set, `advice` what would help. `worker_memory_mb` is that of one Python worker,
    `cluster_memory_mb` that of all; the JVM's is in neither: `jvm_memory_mb` is the most it had in the suite of the constants,
    None if unknown.
    """

    images: int
    seconds: float
    images_per_second: float
    binding: str
    stages: dict[str, dict[str, Any]]
    passes: int
    settings: dict[str, Any]
    worker_memory_mb: float
    cluster_memory_mb: float
    jvm_memory_mb: float | None
    storage_mb: float
    input_tokens: int
    output_tokens: int
    cost: float | None
    advice: list[str]
    fit: str

    def as_dict(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        """Return the plan as lines of text."""
        return plan_text(self.as_dict())


def plan(
    images: int,
    *,
    image_latency_s: float = 0.5,
    model_latency_s: float | None = None,
    latency_sigma: float = 0.5,
    tasks: int | None = None,
    download: DownloadOptions | None = None,
    describe: DescribeOptions | None = None,
    width: int = 800,
    height: int = 600,
    image_bytes: int | None = None,
    backend: Backend | str | None = None,
    model: str = "",
    task: Task | None = None,
    output_tokens_per_image: int | None = None,
    checkpoint_interval_s: float = 60,
    keep_images: bool = True,
    fit_from: str | Path | tuple[str | Path, ...] = (),
) -> Plan:
    """Return how long `run_pipeline` would take for so many images, what binds it, and what it needs.

    Parameters
    ----------
    image_latency_s, model_latency_s, latency_sigma
        Mean seconds for an image over all hops, and for an answer (1 if None, 0 with `PixelDescriber`); how far they spread
        (lognormal).
    tasks
        How many tasks the cluster runs at once: its cores, usually. This machine's if None.
    download, describe
        The limits of the job: in flight in a task, requests and tokens a minute, prices.
    width, height, image_bytes
        How large images are; bytes follow from the pixels if None.
    backend
        Who is asked, or its word on the command line: "chat" (if None), "ai-query", "pyfunc" or "pixels". With `AiQuery` images
        are described after their pass is downloaded, as many at once as the platform likes: `describe.max_in_flight_per_task` is
        then your guess of that.
    model, task, output_tokens_per_image
        By whose rule an image's tokens are counted, and how long answers are.
    fit_from
        Results of `picsum-vision bench` by whose measurements the model's constants are set, in the place of the library's own.

    Raises
    ------
    SettingError
        If a setting is wrong.

    """
    download, describe, task = download or DownloadOptions(), describe or DescribeOptions(), task or Describe()
    tasks = os.cpu_count() or 1 if tasks is None else tasks
    asked = planned_backend(backend, model, task)
    model_latency_s = asked.latency_s if model_latency_s is None else model_latency_s
    _check_work(images, tasks, output_tokens_per_image)
    _check_picture(width, height, image_bytes)
    check_number("image_latency_s", image_latency_s, minimum=0, maximum=MOST_IMAGE_LATENCY_S)
    check_number("model_latency_s", model_latency_s, minimum=0, maximum=MOST_MODEL_LATENCY_S)
    check_number("latency_sigma", latency_sigma, minimum=0, maximum=3)
    check_number("checkpoint_interval_s", checkpoint_interval_s, above=0, maximum=_LONGEST_INTERVAL_S)
    _check_limits(download, describe)
    sent_size = asked.sent_size(width, height, describe.max_image_side_px)
    image_bytes = image_bytes or math.ceil(width * height * _BYTES_PER_PIXEL)
    tokens_in = image_token_rule(asked.model).tokens(*sent_size)
    tokens_in += text_tokens(task.full_prompt)
    tokens_out = min(output_tokens_per_image or usual_output_tokens(task.name, describe), describe.max_output_tokens)
    demand = Demand(
        image_latency_s=image_latency_s,
        model_latency_s=model_latency_s,
        tasks=tasks,
        latency_sigma=latency_sigma,
        image_hops=PICSUM_HOPS,
        download_in_flight_per_task=download.max_in_flight_per_task,
        describe_in_flight_per_task=describe.max_in_flight_per_task,
        requests_per_second_per_host=download.requests_per_second_per_host_total,
        requests_per_minute=describe.requests_per_minute_total,
        tokens_per_minute=describe.tokens_per_minute_total,
        image_bytes=image_bytes,
        # What is made smaller has fewer bytes, about as it has fewer pixels.
        sent_bytes=image_bytes * math.prod(sent_size) / (width * height),
        max_payload_bytes=describe.max_payload_bytes,
        tokens=tokens_in + tokens_out,
        window_bytes_per_task=download.window_bytes_per_task,
        checkpoint_interval_s=checkpoint_interval_s,
        is_fused=asked.is_fused,
    )
    fit = fit_named(fit_from) if fit_from else default_fit()
    return _planned(images, demand, fit, describe, tokens=(tokens_in, tokens_out), is_paid=asked.is_paid, keep_images=keep_images)


def _check_work(images: int, tasks: int, output_tokens_per_image: int | None) -> None:
    check_integer("images", images, minimum=1, maximum=_MOST)
    check_integer("tasks", tasks, minimum=1, maximum=MOST_TASKS)
    check_integer("output_tokens_per_image", output_tokens_per_image, minimum=1, maximum=_MOST, optional=True)


def _check_picture(width: int, height: int, image_bytes: int | None) -> None:
    for name, side_px in (("width", width), ("height", height)):
        check_integer(name, side_px, minimum=1, maximum=_LONGEST_SIDE_PX)
    check_integer("image_bytes", image_bytes, minimum=1, maximum=_MOST_IMAGE_BYTES, optional=True)


def _check_limits(download: DownloadOptions, describe: DescribeOptions) -> None:
    """Refuse limits and prices of which no time and no cost can be reckoned."""
    per_second = download.requests_per_second_per_host_total
    check_number("requests_per_second_per_host_total", per_second, minimum=_SLOWEST, maximum=_MOST, optional=True)
    counts = {
        "download.max_in_flight_per_task": download.max_in_flight_per_task,
        "download.window_bytes_per_task": download.window_bytes_per_task,
        "describe.max_in_flight_per_task": describe.max_in_flight_per_task,
        "describe.max_payload_bytes": describe.max_payload_bytes,
        "requests_per_minute_total": describe.requests_per_minute_total,
        "tokens_per_minute_total": describe.tokens_per_minute_total,
    }
    for name, count in counts.items():
        check_integer(name, count, minimum=1, maximum=_MOST, optional=True)
    for name in ("input_price_per_million_tokens", "output_price_per_million_tokens"):
        check_number(name, getattr(describe, name), minimum=0, maximum=_MOST, optional=True)


def _planned(
    images: int, demand: Demand, fit: Fit, describe: DescribeOptions, *, tokens: tuple[int, int], is_paid: bool, keep_images: bool
) -> Plan:
    tokens_in, tokens_out = tokens
    seconds = job_seconds(demand, images, fit.total, fit.job_s, cold=True)
    download_time = stage_time(images, demand.download_waits, fit.download.row_s, cold=True)
    describe_time = stage_time(images, demand.describe_waits, fit.describe.row_s, cold=True)
    work = job_work(demand, images, fit.total.row_s, cold=True)
    passes = round(sum(times for _, _, times in passes_of(demand, images, fit.total, cold=True)))
    is_start = seconds - work.seconds > work.seconds
    binding = "Spark's start and the commits" if is_start else _named(work.binding, work.stage)
    worker_mb = fit.worker_base_mb + modelled_mb(demand)
    kept = images * (demand.image_bytes if keep_images else 0)
    words = images * (tokens_out * _BYTES_PER_TOKEN + 2 * _OUTCOME_BYTES)
    return Plan(
        images=images,
        seconds=round(seconds, 1),
        images_per_second=round(images / seconds, 2),
        binding=binding,
        stages={
            "download": _stage(download_time, fit.download.start_s, "download"),
            "describe": _stage(describe_time, fit.describe.start_s, "describe"),
        },
        passes=passes,
        settings=_settings(demand, work.describe),
        worker_memory_mb=round(worker_mb),
        cluster_memory_mb=round(worker_mb * demand.tasks),
        jvm_memory_mb=None if fit.jvm_mb is None else round(fit.jvm_mb),
        storage_mb=round((kept + words) / _MB, 1),
        input_tokens=images * tokens_in if is_paid else 0,
        output_tokens=images * tokens_out if is_paid else 0,
        cost=cost(describe, images * tokens_in, images * tokens_out) if is_paid else 0.0,
        advice=advice(images, demand, fit, work, seconds),
        fit=fit.source,
    )


def _settings(demand: Demand, describe_time: StageTime) -> dict[str, Any]:
    questions = {"describe.max_in_flight_per_task": _useful_in_flight(demand, describe_time)} if demand.is_fused else {}
    return {
        "partitions": demand.tasks,
        "download.max_in_flight_per_task": demand.download_in_flight_per_task,
        **questions,
        "download.window_bytes_per_task": demand.window_bytes_per_task,
    }


def _stage(found: StageTime, start_s: float, stage: str) -> dict[str, Any]:
    return {
        "seconds": round(start_s + found.seconds, 1),
        "binding": _named(found.binding, stage),
        "tail_s": round(found.tail_s, 1),
        "limits_s": {_named(name, stage): round(seconds, 1) for name, seconds in found.limits.items()},
    }


def _named(limit: str, stage: str) -> str:
    if limit == WORKERS:
        return limit
    return f"{'downloads' if stage == 'download' else 'questions'} in flight" if limit == IN_FLIGHT else limit


def _useful_in_flight(demand: Demand, found: StageTime) -> int:
    """Return how many questions in a task keep a stated rate busy; more would only wait."""
    if found.binding in (IN_FLIGHT, WORKERS) or demand.model_latency_s <= 0:
        return demand.describe_in_flight_per_task
    per_second = min(demand.describe_waits.rates.values())
    needed = math.ceil(per_second * demand.model_latency_s * _ENOUGH / demand.tasks)
    return max(1, min(demand.describe_in_flight_per_task, needed))
