"""What a suite measures, how much that asks for, known before it starts, and what is refused or asked because of it.

`tasks` are those of the suite that run at once. A public service that asks not to be load-tested is spared many images and many
requests at once; somebody else's host or model is loaded only after a yes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Final, get_args
from urllib.parse import urlsplit

from yarl import URL

from picsum_vision.describing.backends import AiQuery, Backend, BatchChat, ChatCompletions, check_backend
from picsum_vision.describing.image_tokens import image_token_rule, text_tokens
from picsum_vision.describing.spending import cost, usual_output_tokens
from picsum_vision.describing.tasks import Describe, Task
from picsum_vision.errors import SettingError
from picsum_vision.images.shrinking import shrunk_size
from picsum_vision.options import DescribeOptions, DownloadOptions
from picsum_vision.picsum_list import listed_ids
from picsum_vision.sizing.result import STAGES, StageName
from picsum_vision.table_names import DEFAULT_CATALOG
from picsum_vision.urls import By, check_base_url
from picsum_vision.validation import check_choice, check_integer, check_number, check_text

MOST_TASKS: Final = 100_000
MOST_IMAGE_LATENCY_S: Final = 60
MOST_MODEL_LATENCY_S: Final = 600
_LONGEST_WORD: Final = 12
_LONGEST_SHOWN: Final = 60
# Lorem Picsum asks not to be load-tested: a look is fine, a benchmark is not.
LIVE_IN_FLIGHT_AT_MOST: Final = 8
LIVE_IMAGES_AT_MOST: Final = 100
_LIVE_HOSTS: Final = ("picsum.photos", "unsplash.com")
# Against servers of our own, which bear it: enough that the wait for answers is not what binds.
_WIDE_DOWNLOADS: Final = 512
_WIDE_QUESTIONS: Final = 128
_WARM_UP_AT_MOST: Final = 4_000
# For the notebook's method; somebody else's hosts are asked for a row a task only.
_ROWS_PER_TASK: Final = 10
_REAL_ROWS_PER_TASK: Final = 1
_ROWS_AT_MOST: Final = 400

Confirm = bool | Callable[[str], bool]


@dataclasses.dataclass(frozen=True, kw_only=True)
class SizingConfig:
    """One suite: how many images, how often, against whom. Every setting is described at :func:`picsum_vision.run_sizing`.

    Without `base_url` images come from a server of our own, without `backend` another one is asked.
    """

    sizes: tuple[int, ...] = (100, 1_000, 5_000)
    repeats: int = 3
    stages: tuple[StageName, ...] = STAGES
    base_url: str | None = None
    by: By = "seed"
    width: int = 800
    height: int = 600
    backend: Backend | None = None
    task: Task = dataclasses.field(default_factory=Describe)
    download: DownloadOptions | None = None
    describe: DescribeOptions | None = None
    partitions: int | None = None
    checkpoint_interval_s: float = 60
    image_latency_mean_s: float = 0.25
    model_latency_mean_s: float = 1.0
    latency_sigma: float = 0.5
    notebook_images: int | None = None
    catalog: str = DEFAULT_CATALOG
    serve_on: str = "127.0.0.1"

    def __post_init__(self) -> None:
        """Check every setting."""
        object.__setattr__(self, "sizes", _checked_sizes(self.sizes))
        check_integer("repeats", self.repeats, minimum=1, maximum=100)
        object.__setattr__(self, "stages", _checked_stages(self.stages))
        if self.base_url is not None:
            object.__setattr__(self, "base_url", check_base_url("base_url", self.base_url))
        check_choice("by", self.by, get_args(By))
        check_integer("width", self.width, minimum=1, maximum=5_000)
        check_integer("height", self.height, minimum=1, maximum=5_000)
        if self.backend is not None:
            check_backend(self.backend, self.task)
        if isinstance(self.backend, BatchChat):
            raise SettingError("backend: BatchChat is not allowed here: its answers may take a day; use ChatCompletions")
        for name, value, kind in (("download", self.download, DownloadOptions), ("describe", self.describe, DescribeOptions)):
            if value is not None and not isinstance(value, kind):
                raise SettingError(f"{name}: {type(value).__name__} is not allowed; it must be {kind.__name__}(...)")
        check_integer("partitions", self.partitions, minimum=1, maximum=MOST_TASKS, optional=True)
        check_number("checkpoint_interval_s", self.checkpoint_interval_s, above=0)
        check_number("image_latency_mean_s", self.image_latency_mean_s, minimum=0, maximum=MOST_IMAGE_LATENCY_S)
        check_number("model_latency_mean_s", self.model_latency_mean_s, minimum=0, maximum=MOST_MODEL_LATENCY_S)
        check_number("latency_sigma", self.latency_sigma, minimum=0, maximum=3)
        check_integer("notebook_images", self.notebook_images, minimum=0, maximum=10_000, optional=True)
        check_text("catalog", self.catalog)
        check_text("serve_on", self.serve_on)

    def tasks_of(self, session_tasks: int) -> int:
        """Return how many tasks of the suite run at once in a session that has room for `session_tasks`."""
        return min(self.partitions or session_tasks, session_tasks)

    @property
    def download_options(self) -> DownloadOptions:
        """How images are fetched: as given, or wide where the server is our own."""
        options = self.download or self.usual_download(self.base_url)
        return dataclasses.replace(options, allow_private_addresses=True) if self.base_url is None else options

    @property
    def describe_options(self) -> DescribeOptions:
        """How the model is asked: as given, or wide where the server is our own."""
        return self.describe or self.usual_describe(own=self.backend is None)

    @staticmethod
    def usual_download(base_url: str | None) -> DownloadOptions:
        """Return the options where none are given: wide for a server of our own, few at once for a public service."""
        if base_url is None:
            return DownloadOptions(max_in_flight_per_task=_WIDE_DOWNLOADS)
        base_url = check_base_url("base_url", base_url)
        return DownloadOptions(max_in_flight_per_task=LIVE_IN_FLIGHT_AT_MOST) if _is_live(base_url) else DownloadOptions()

    @staticmethod
    def usual_describe(*, own: bool) -> DescribeOptions:
        """Return the options where none are given: wide for a server of our own, the library's own for real models.

        Of our own server each row is asked about: seeds lead to its 995 pictures again and again, and rows that share an answer
        would be measured without their wait.
        """
        return DescribeOptions(max_in_flight_per_task=_WIDE_QUESTIONS, deduplicate=False) if own else DescribeOptions()


def _is_live(base_url: str | None) -> bool:
    """Return whether the host, however it is written, is a public service that asks not to be load-tested."""
    try:
        host = (URL(base_url or "").raw_host or "").rstrip(".")
    except ValueError:  # what the downloader cannot read it never asks
        return False
    return any(host == live or host.endswith(f".{live}") for live in _LIVE_HOSTS)


def _checked_sizes(sizes: object) -> tuple[int, ...]:
    """Return the sizes, each once, from the smallest to the largest; refuse what is no list of whole numbers from 1."""
    if isinstance(sizes, int) and not isinstance(sizes, bool):
        sizes = (sizes,)
    if not isinstance(sizes, (list, tuple, set, frozenset)) or not sizes:
        raise SettingError(f"sizes: {sizes!r} is not allowed; it must be numbers of images, such as 100, 1000, 5000")
    for size in sizes:
        check_integer("sizes", size, minimum=1, maximum=10_000_000)
    return tuple(sorted(set(sizes)))


def sizes_from_text(text: str) -> tuple[int, ...]:
    """Read `100,1000,5000`."""
    words = [word.strip().replace("_", "") for word in text.split(",")]
    for word in words:
        # Python refuses to read numbers of thousands of digits.
        if len(word) > _LONGEST_WORD or not (word.isascii() and word.isdecimal()) or int(word) == 0:
            found = f"{_in_short(word)!r} is not allowed in {_in_short(text)!r}"
            raise SettingError(f"sizes: {found}; they must be whole numbers of at least 1, as in 100,1000,5000")
    return tuple(map(int, words))


def _in_short(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _checked_stages(stages: object) -> tuple[StageName, ...]:
    """Return the stages in their order; refuse what is none."""
    if isinstance(stages, str) or not isinstance(stages, (list, tuple)) or not stages:
        raise SettingError(f"stages: {stages!r} is not allowed; it must be some of {', '.join(STAGES)}")
    for stage in stages:
        check_choice("stages", stage, STAGES)
    if "describe" in stages and "download" not in stages:
        raise SettingError("stages: 'describe' is not allowed without 'download', which fetches its images")
    return tuple(stage for stage in STAGES if stage in stages)


def share_of_images(config: SizingConfig, tasks: int) -> int:
    """Return on how many images the notebook's method is measured; 0 leaves it out."""
    if config.notebook_images is not None:
        return config.notebook_images
    per_task = _ROWS_PER_TASK if config.base_url is None and config.backend is None else _REAL_ROWS_PER_TASK
    return min(tasks * per_task, _ROWS_AT_MOST)


def warm_up_images(config: SizingConfig, tasks: int) -> int:
    """Return how many images the first, cold run has: one a task, with servers of our own enough that the window opens fully."""
    if config.base_url is not None or config.backend is not None:
        return min(tasks, max(config.sizes))
    widest = 2 * tasks * max(config.download_options.max_in_flight_per_task, config.describe_options.max_in_flight_per_task)
    return max(1, min(widest, max(config.sizes), _WARM_UP_AT_MOST))


def rows_asked_for(config: SizingConfig, tasks: int, stage: StageName) -> int:
    """Return how many images the whole suite fetches ("download"), or how many questions it asks ("describe")."""
    passes = (stage in config.stages) + ("total" in config.stages)
    # The notebook's method speaks HTTP alone. Its downloads are measured; images that it asks about are fetched once more.
    it_asks = config.backend is None or isinstance(config.backend, ChatCompletions)
    by_notebook = (it_asks + (stage == "download")) * config.repeats * share_of_images(config, tasks)
    return passes * (warm_up_images(config, tasks) + config.repeats * sum(config.sizes)) + by_notebook


def check_politeness(config: SizingConfig, images_fetched: int) -> None:
    """Refuse to measure such a service beyond a small bound."""
    if not _is_live(config.base_url):
        return
    host = urlsplit(config.base_url or "").hostname
    if images_fetched > LIVE_IMAGES_AT_MOST:
        raise SettingError(
            f"sizes: {images_fetched:,} images in all is not allowed from {host}, which asks not to be load-tested; at most "
            f"{LIVE_IMAGES_AT_MOST}, as with --sizes 20 --repeats 1 --notebook-images 0, or leave --base-url out for a server of "
            "this machine"
        )
    in_flight = config.download_options.max_in_flight_per_task
    if in_flight > LIVE_IN_FLIGHT_AT_MOST:
        raise SettingError(
            f"max_in_flight_per_task: {in_flight} is not allowed with {host}, which asks not to be load-tested; "
            f"at most {LIVE_IN_FLIGHT_AT_MOST}, which the tasks share"
        )


def polite(config: SizingConfig, tasks: int) -> SizingConfig:
    """Return the suite with its downloads narrowed so that such a service sees no more at once than is allowed, of all tasks.

    `tasks` is how many the session runs at the same time.
    """
    if not _is_live(config.base_url):
        return config
    at_once = config.tasks_of(tasks)
    partitions = LIVE_IN_FLIGHT_AT_MOST if at_once > LIVE_IN_FLIGHT_AT_MOST else config.partitions
    options = config.download_options
    each = min(options.max_in_flight_per_task, max(1, LIVE_IN_FLIGHT_AT_MOST // at_once))
    return dataclasses.replace(config, partitions=partitions, download=dataclasses.replace(options, max_in_flight_per_task=each))


def check_list(config: SizingConfig, base_url: str, notebook_images: int) -> None:
    """Raise SettingError where `by` is "list" and the list is too short; the host is asked for it once."""
    if config.by != "list":
        return
    wanted = {"sizes": max(config.sizes), "notebook_images": notebook_images}
    listed = len(listed_ids(base_url, skip=0, count=max(wanted.values())))
    for name, images in wanted.items():
        if images > listed:
            raise SettingError(
                f"{name}: {images:,} is not allowed with by='list': the host's list has {listed:,} pictures; "
                f"give at most that many, or by='seed'"
            )


def checked_load(config: SizingConfig, tasks: int, confirm: Confirm) -> SizingConfig:
    """Return the suite as narrow as a public service asks; refuse what is not polite, and ask before what loads or costs.

    `tasks` is how many the session runs at the same time.
    """
    narrowed = polite(config, tasks)
    at_once = narrowed.tasks_of(tasks)
    fetched = rows_asked_for(narrowed, at_once, "download")
    check_politeness(config, fetched)
    asked = rows_asked_for(narrowed, at_once, "describe")
    parts = []
    if config.base_url is not None:
        parts.append(f"{fetched:,} images from {urlsplit(config.base_url).hostname}")
    if config.backend is not None and asked:
        parts.append(_questions(config, asked))
    estimate = f"this suite asks for {' and '.join(parts)}"
    if parts and confirm is not True and not (callable(confirm) and confirm(estimate)):
        raise SettingError(f"confirm: {estimate}; not confirmed: --yes on the command line, confirm=True in Python")
    return narrowed


def question(
    backend: type[Any], size: tuple[int, int], *, model: str, task: Task, options: DescribeOptions, tokens_out: int | None = None
) -> tuple[tuple[int, int], int, int]:
    """Return how large a picture is sent, how many tokens a question about it has, and how many its answer."""
    # `ai_query` is given a picture as it is.
    sent_size = size if issubclass(backend, AiQuery) else shrunk_size(*size, options.max_image_side_px)
    tokens_in = image_token_rule(model).tokens(*sent_size) + text_tokens(task.full_prompt)
    return sent_size, tokens_in, min(tokens_out or usual_output_tokens(task.name, options), options.max_output_tokens)


def _questions(config: SizingConfig, number: int) -> str:
    backend, options = config.backend, config.describe_options
    if not isinstance(backend, (AiQuery, ChatCompletions)):
        return f"{number:,} answers of {type(backend).__name__} in the workers"
    size = (config.width, config.height)
    _, each_in, each_out = question(type(backend), size, model=backend.model_name, task=config.task, options=options)
    tokens_in, tokens_out = number * each_in, number * each_out
    price = cost(options, tokens_in, tokens_out)
    costs = "at a price that was not given" if price is None else f"for about {price:,.2f}"
    return f"{number:,} answers of {backend.model_name}, about {tokens_in:,} + {tokens_out:,} tokens, {costs}"
