"""`plan`: how long a job would take, what would bind it, what it would need and cost."""

from __future__ import annotations

import dataclasses
import math
import os
from pathlib import Path
from typing import Any, Final

from picsum_vision.config_file import BACKENDS
from picsum_vision.describing.backends import AiQuery, Backend, BatchChat, ChatCompletions, PixelDescriber, check_backend
from picsum_vision.describing.spending import cost
from picsum_vision.describing.tasks import Describe, Task
from picsum_vision.errors import SettingError
from picsum_vision.options import DescribeOptions, DownloadOptions
from picsum_vision.sizing.fit import Fit, default_fit, fit_named
from picsum_vision.sizing.model import (
    DOWNLOADS,
    QUESTIONS,
    WINDOW,
    WORKERS,
    Demand,
    JobTime,
    is_fused,
    job_time,
    limits_of,
    stage_time,
)
from picsum_vision.sizing.settings import MOST_IMAGE_LATENCY_S, MOST_MODEL_LATENCY_S, MOST_TASKS, question
from picsum_vision.validation import check_choice, check_integer, check_number

# A JPEG of Lorem Picsum, 800 x 600, comes to 44 kB.
_BYTES_PER_PIXEL: Final = 44_000 / (800 * 600)
_MB: Final = 1_000_000
_BYTES_PER_TOKEN: Final = 4
_OUTCOME_BYTES: Final = 200
_ENOUGH: Final = 1.5
_WORTH_A_WORD: Final = 0.95
_MINUTES_FROM_S: Final = 120
_HOUR_S: Final = 3_600
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
        workers = f"{self.worker_memory_mb:,} MB a Python worker, {self.cluster_memory_mb:,} MB for all"
        jvm = "" if self.jvm_memory_mb is None else f" (where it was measured the JVM had at most {self.jvm_memory_mb:,} MB)"
        price = "cost unknown without prices" if self.cost is None else f"cost about {self.cost:,.2f}"
        stages = [
            f"  {name} alone: {_time(stage['seconds'])} ("
            + ", ".join(f"{limit} {_time(seconds)}" for limit, seconds in stage["limits_s"].items())
            + f"; last stragglers {_time(stage['tail_s'])})"
            for name, stage in self.stages.items()
        ]
        lines = [
            f"{self.images:,} images: about {_time(self.seconds)}, {self.images_per_second:,.1f} images/s",
            f"  what binds: {self.binding}; {self.passes:,} commits",
            *stages,
            "  settings: " + ", ".join(f"{name}={value:,}" for name, value in self.settings.items()),
            f"  memory: {workers}, without the JVM's{jvm}",
            f"  storage: {self.storage_mb:,.0f} MB of tables",
            f"  tokens: {self.input_tokens:,} in, {self.output_tokens:,} out; {price}",
            *(f"  what would help: {line}" for line in self.advice),
            f"  constants: {self.fit}",
        ]
        return "\n".join(lines)


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
        are described after they are downloaded, as many at once as the platform likes: `describe.max_in_flight_per_task` is
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
    kind = _backend_class(backend or "chat", task)
    model = model or ("" if backend is None or isinstance(backend, str) else backend.model_name)
    if model_latency_s is None:
        model_latency_s = 0.0 if issubclass(kind, PixelDescriber) else 1.0
    for name, value, most in (
        ("images", images, _MOST),
        ("tasks", tasks, MOST_TASKS),
        ("output_tokens_per_image", output_tokens_per_image, _MOST),
        ("width", width, _LONGEST_SIDE_PX),
        ("height", height, _LONGEST_SIDE_PX),
        ("image_bytes", image_bytes, _MOST_IMAGE_BYTES),
        ("download.max_in_flight_per_task", download.max_in_flight_per_task, _MOST),
        ("download.window_bytes_per_task", download.window_bytes_per_task, _MOST),
        ("describe.max_in_flight_per_task", describe.max_in_flight_per_task, _MOST),
        ("describe.max_payload_bytes", describe.max_payload_bytes, _MOST),
        ("requests_per_minute_total", describe.requests_per_minute_total, _MOST),
        ("tokens_per_minute_total", describe.tokens_per_minute_total, _MOST),
    ):
        optional = name in ("output_tokens_per_image", "image_bytes") or name.endswith("_total")
        check_integer(name, value, minimum=1, maximum=most, optional=optional)
    check_number("image_latency_s", image_latency_s, minimum=0, maximum=MOST_IMAGE_LATENCY_S)
    check_number("model_latency_s", model_latency_s, minimum=0, maximum=MOST_MODEL_LATENCY_S)
    check_number("latency_sigma", latency_sigma, minimum=0, maximum=3)
    check_number("checkpoint_interval_s", checkpoint_interval_s, above=0, maximum=_LONGEST_INTERVAL_S)
    per_second = download.requests_per_second_per_host_total
    check_number("requests_per_second_per_host_total", per_second, minimum=_SLOWEST, maximum=_MOST, optional=True)
    for name in ("input_price_per_million_tokens", "output_price_per_million_tokens"):
        check_number(name, getattr(describe, name), minimum=0, maximum=_MOST, optional=True)
    image_bytes = image_bytes or math.ceil(width * height * _BYTES_PER_PIXEL)
    # What is made smaller has fewer bytes, about as it has fewer pixels.
    sent_size, tokens_in, tokens_out = question(
        kind, (width, height), model=model, task=task, options=describe, tokens_out=output_tokens_per_image
    )
    demand = Demand(
        image_latency_s=image_latency_s,
        model_latency_s=model_latency_s,
        tasks=tasks,
        latency_sigma=latency_sigma,
        image_bytes=image_bytes,
        sent_bytes=image_bytes * math.prod(sent_size) / (width * height),
        tokens=tokens_in + tokens_out,
        checkpoint_interval_s=checkpoint_interval_s,
        is_fused=is_fused(kind),
        **limits_of(download, describe),
    )
    row_bytes = tokens_out * _BYTES_PER_TOKEN + 2 * _OUTCOME_BYTES + (image_bytes if keep_images else 0)
    # What runs in the workers costs no tokens.
    paid = images if issubclass(kind, (AiQuery, ChatCompletions)) else 0
    return _planned(
        images,
        demand,
        fit_named(fit_from) if fit_from else default_fit(),
        storage_mb=round(images * row_bytes / _MB, 1),
        input_tokens=paid * tokens_in,
        output_tokens=paid * tokens_out,
        cost=cost(describe, paid * tokens_in, paid * tokens_out) if paid else 0.0,
    )


def _backend_class(backend: Backend | str, task: Task) -> type[Any]:
    if isinstance(backend, str):
        check_choice("backend", backend, BACKENDS)
        kind: type[Any] = BACKENDS[backend]
        if kind is PixelDescriber:
            check_backend(PixelDescriber(), task)
    else:
        check_backend(backend, task)
        kind = type(backend)
    if issubclass(kind, BatchChat):
        raise SettingError("backend: 'batch-chat' is not allowed here: its answers may take a day; plan 'chat'")
    return kind


def _planned(images: int, demand: Demand, fit: Fit, **known: Any) -> Plan:
    job = job_time(demand, images, fit.total.start_s, fit.total.row_s)
    worker_mb = fit.worker_base_mb + demand.worker_mb()
    stages = {}
    for name, waits, alone in (("download", demand.download, fit.download), ("describe", demand.describe, fit.describe)):
        found = stage_time(images, waits, alone.row_s)
        stages[name] = {
            "seconds": round(alone.start_s + found.seconds, 1),
            "binding": found.binding,
            "tail_s": round(found.tail_s, 1),
            "limits_s": {limit: round(seconds, 1) for limit, seconds in found.limits.items()},
        }
    settings = {
        "partitions": demand.tasks,
        "download.max_in_flight_per_task": demand.download_in_flight_per_task,
        "describe.max_in_flight_per_task": _useful_in_flight(images, demand, fit),
        "download.window_bytes_per_task": demand.window_bytes_per_task,
    }
    if not demand.is_fused:
        del settings["describe.max_in_flight_per_task"]
    return Plan(
        images=images,
        seconds=round(job.seconds, 1),
        images_per_second=round(images / job.seconds, 2),
        binding="Spark's start and the commits" if job.seconds > 2 * job.work_s else job.binding,
        stages=stages,
        passes=job.commits,
        settings=settings,
        worker_memory_mb=round(worker_mb),
        cluster_memory_mb=round(worker_mb * demand.tasks),
        jvm_memory_mb=None if fit.jvm_mb is None else round(fit.jvm_mb),
        advice=_advice(images, demand, fit, job),
        fit=fit.source,
        **known,
    )


def _useful_in_flight(images: int, demand: Demand, fit: Fit) -> int:
    """Return how many questions in a task keep a stated rate busy; more would only wait."""
    binding = stage_time(images, demand.describe, fit.total.row_s).binding
    if binding in (QUESTIONS, WORKERS) or demand.model_latency_s <= 0:
        return demand.describe_in_flight_per_task
    needed = math.ceil(min(demand.describe.rates.values()) * demand.model_latency_s * _ENOUGH / demand.tasks)
    return max(1, min(demand.describe_in_flight_per_task, needed))


def _advice(images: int, demand: Demand, fit: Fit, job: JobTime) -> list[str]:
    """Return a line about twice as much of what binds, nothing where that would hardly help."""
    if not demand.is_fused and job.binding == QUESTIONS:
        return ["nothing here: how many questions are in flight is the platform's affair"]
    name, field = {
        WORKERS: ("tasks, on twice the cores", "tasks"),
        WINDOW: ("download.window_bytes_per_task", "window_bytes_per_task"),
        DOWNLOADS: ("download.max_in_flight_per_task", "download_in_flight_per_task"),
        QUESTIONS: ("describe.max_in_flight_per_task", "describe_in_flight_per_task"),
    }.get(job.binding, ("", ""))
    if not field:
        return [f"nothing here: {job.binding} would have to be more"]
    more = dataclasses.replace(demand, **{field: 2 * getattr(demand, field)})
    faster_s = job_time(more, images, fit.total.start_s, fit.total.row_s).seconds
    if faster_s >= job.seconds * _WORTH_A_WORD:
        return []
    more_mb = more.worker_mb() - demand.worker_mb()
    memory = f", with {more_mb:,.0f} MB more for each worker" if more_mb >= 1 else ""
    return [f"{name}={getattr(more, field)}: {faster_s:,.1f} s in the place of {job.seconds:,.1f} s{memory}"]


def _time(seconds: float) -> str:
    if seconds < _MINUTES_FROM_S:
        return f"{seconds:,.1f} s"
    return f"{seconds / 60:,.1f} min" if seconds < 2 * _HOUR_S else f"{seconds / _HOUR_S:,.1f} h"
