"""The downloader without Spark: URLs in, rows with bytes and outcomes out."""

# ruff: noqa: D102 - helpers of tests say by their names what they are

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from picsum_vision.concurrency.byte_budget import ByteBudget
from picsum_vision.concurrency.job_run import JobRun
from picsum_vision.concurrency.loop_thread import LoopThread
from picsum_vision.downloading.downloader import Downloader
from picsum_vision.downloading.job import DOWNLOAD_POOL, DownloadJob
from picsum_vision.options import DownloadOptions
from picsum_vision.outcomes import DownloadOutcome, DownloadStatus

LOCAL: dict[str, Any] = {"allow_private_addresses": True}
GIVE_UP_S = 60.0


@dataclasses.dataclass(frozen=True)
class Fetched:
    """One row's result."""

    data: bytes | None
    outcome: DownloadOutcome

    @property
    def status(self) -> DownloadStatus:
        return self.outcome.status


def fetch_all(urls: Sequence[str | None], **options: Any) -> list[Fetched]:
    """Fetch the URLs and return the results in their order."""
    settings = DownloadOptions(**{**LOCAL, **options})
    loop_thread = LoopThread.current()
    budget = ByteBudget(settings.window_bytes_per_task)
    downloader = Downloader(settings, budget, loop_thread)
    run: JobRun[DownloadJob] = JobRun(
        loop_thread,
        slots=downloader.slots,
        lane_state=downloader.lane_state,
        budget=budget,
        look_ahead=len(urls),
        holding_pools=[DOWNLOAD_POOL],
    )
    done: dict[int, Fetched] = {}
    give_up_at_s = time.monotonic() + GIVE_UP_S
    try:
        run.submit([downloader.job(number, url) for number, url in enumerate(urls)])
        run.no_more_input()
        while len(done) < len(urls):
            assert time.monotonic() < give_up_at_s, f"{len(urls) - len(done)} rows have no outcome"
            jobs = run.collect()
            for job in jobs:
                assert job.number not in done
                assert job.outcome is not None
                done[job.number] = Fetched(job.data, job.outcome)
            run.emitted(jobs)
    finally:
        run.close()
    return [done[number] for number in range(len(urls))]


def fetch(url: str | None, **options: Any) -> Fetched:
    """Fetch one URL."""
    return fetch_all([url], **options)[0]


@contextmanager
def forgetting_hosts() -> Iterator[None]:
    """Forget afterwards what this process has learnt of its hosts."""
    yield
    kept = LoopThread.current().kept
    for key in [key for key in kept if isinstance(key, tuple) and key[0] in ("limit", "pace", "silences", "hosts")]:
        del kept[key]
