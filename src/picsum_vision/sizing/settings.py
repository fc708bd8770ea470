"""What a suite measures."""

from __future__ import annotations

import dataclasses
from typing import Final, get_args

from yarl import URL

from picsum_vision.describing.backends import Backend, BatchChat, check_backend
from picsum_vision.describing.tasks import Describe, Task
from picsum_vision.errors import SettingError
from picsum_vision.options import DescribeOptions, DownloadOptions
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
_LIVE_HOSTS: Final = ("picsum.photos", "unsplash.com")
# Against servers of our own, which bear it: enough that the wait for answers is not what binds.
_WIDE_DOWNLOADS: Final = 512
_WIDE_QUESTIONS: Final = 128


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
        object.__setattr__(self, "sizes", checked_sizes(self.sizes))
        check_integer("repeats", self.repeats, minimum=1, maximum=100)
        object.__setattr__(self, "stages", checked_stages(self.stages))
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
        return DownloadOptions(max_in_flight_per_task=LIVE_IN_FLIGHT_AT_MOST) if is_live(base_url) else DownloadOptions()

    @staticmethod
    def usual_describe(*, own: bool) -> DescribeOptions:
        """Return the options where none are given: wide for a server of our own, the library's own for real models.

        Of our own server each row is asked about: seeds lead to its 995 pictures again and again, and rows that share an answer
        would be measured without their wait.
        """
        return DescribeOptions(max_in_flight_per_task=_WIDE_QUESTIONS, deduplicate=False) if own else DescribeOptions()


def is_live(base_url: str) -> bool:
    """Return whether the host, however it is written, is a public service that asks not to be load-tested."""
    try:
        host = (URL(base_url).raw_host or "").rstrip(".")
    except ValueError:  # what the downloader cannot read it never asks
        return False
    return any(host == live or host.endswith(f".{live}") for live in _LIVE_HOSTS)


def checked_sizes(sizes: object) -> tuple[int, ...]:
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
    return checked_sizes(tuple(map(int, words)))


def _in_short(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def checked_stages(stages: object) -> tuple[StageName, ...]:
    """Return the stages in their order; refuse what is none."""
    if isinstance(stages, str) or not isinstance(stages, (list, tuple)) or not stages:
        raise SettingError(f"stages: {stages!r} is not allowed; it must be some of {', '.join(STAGES)}")
    for stage in stages:
        check_choice("stages", stage, STAGES)
    if "describe" in stages and "download" not in stages:
        raise SettingError("stages: 'describe' is not allowed without 'download', which fetches its images")
    return tuple(stage for stage in STAGES if stage in stages)
