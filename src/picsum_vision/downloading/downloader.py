"""What the downloads of one task share: HTTP client, limits, budget, retries."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

from picsum_vision.concurrency.byte_budget import ByteBudget
from picsum_vision.concurrency.job import Lane
from picsum_vision.concurrency.limits import AdaptiveLimit, FixedLimit
from picsum_vision.concurrency.loop_thread import LoopThread
from picsum_vision.concurrency.pace import LearningPace
from picsum_vision.concurrency.recent import Recent
from picsum_vision.concurrency.retry import RetryPolicy
from picsum_vision.concurrency.scheduler import LaneState
from picsum_vision.concurrency.silences import Silences
from picsum_vision.downloading.inspection import CHECK_POOL
from picsum_vision.downloading.job import DOWNLOAD_POOL, DownloadJob
from picsum_vision.header_fields import replaced
from picsum_vision.options import DownloadOptions
from picsum_vision.secrets import Secret
from picsum_vision.transport.client import HttpClient, header_lines, http_client

_CPU_THREADS = 2
_CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization"})


class Downloader:
    """Makes the download jobs of one task.

    `share` is this task's part of the bounds that hold for the whole job, from 0 (exclusive) to 1, and `turn` its place among
    those that share them: 0, share, 2 * share, ...
    """

    def __init__(
        self, options: DownloadOptions, budget: ByteBudget, loop_thread: LoopThread, *, share: float = 1.0, turn: float = 0.0
    ) -> None:
        """Take the process's HTTP client for these options. Not to be called on the loop's own thread."""
        self.options = options
        self.budget = budget
        self.retry = RetryPolicy(max_attempts=options.max_attempts, max_wait_s=options.max_retry_wait_s)
        self.rng = random.Random()  # noqa: S311 - jitter, no secret
        self._share = share
        self._turn = turn
        self._loop_thread = loop_thread
        headers = {"User-Agent": options.user_agent, "Accept": "image/*, */*;q=0.5", "Accept-Encoding": "identity"}
        asked = {name: value.read_line() if isinstance(value, Secret) else value for name, value in options.headers.items()}
        self.headers = header_lines(replaced(headers, asked))
        # What is meant for the host of the URL is not for whom it redirects to.
        private = {name for name, value in options.headers.items() if isinstance(value, Secret) or name.lower() in _CREDENTIALS}
        self.headers_elsewhere = header_lines(replaced(headers, {name: asked[name] for name in asked.keys() - private}))
        self.client, self.cpu, self.silences, self._hosts = loop_thread.run(self._open())

    async def _open(self) -> tuple[HttpClient, ThreadPoolExecutor, Silences, Recent]:
        client = http_client(
            self._loop_thread,
            public_addresses_only=not self.options.allow_private_addresses,
            connect_timeout_s=self.options.connect_timeout_s,
        )
        cpu = self._loop_thread.keep("cpu", lambda: ThreadPoolExecutor(_CPU_THREADS, thread_name_prefix="picsum-vision-cpu"))
        return client, cpu, self._loop_thread.keep(("silences",), Silences), self._loop_thread.keep(("hosts",), Recent)

    def job(self, number: int, url: str | bytes | None) -> DownloadJob:
        """Return the job of row `number`."""
        return DownloadJob(self, number, url)

    @property
    def slots(self) -> dict[str, int]:
        """How many steps of each pool may run at once."""
        return {DOWNLOAD_POOL: self.options.max_in_flight_per_task, CHECK_POOL: _CPU_THREADS}

    def lane_state(self, lane: Lane) -> LaneState:
        """Return what the process knows of a host. A later task goes on with the limit and the rate that this one has found."""
        if lane.pool == CHECK_POOL:
            return LaneState(FixedLimit(_CPU_THREADS))
        options = self.options
        bounds = (options.max_in_flight_per_task, options.max_in_flight_per_host_per_task)
        limit = self._hosts.keep(("limit", lane, bounds), lambda: _in_flight_limit(options))
        total = options.requests_per_second_per_host_total
        pace = self._hosts.keep(("pace", lane, total, self._share), lambda: LearningPace(total, self._share))
        pace.begin(self._turn)
        return LaneState(limit, pace)


def _in_flight_limit(options: DownloadOptions) -> FixedLimit | AdaptiveLimit:
    fixed = options.max_in_flight_per_host_per_task
    return FixedLimit(fixed) if fixed is not None else AdaptiveLimit(options.max_in_flight_per_task)
