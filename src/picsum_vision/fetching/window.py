"""One fetch: URLs go into the rolling window, results leave it.

States of a URL: given (submitted) -> in the window -> finished -> handed out (its bytes are the caller's).
Invariants, held by tests/fetching/test_window.py:
  * each URL that was given is handed out exactly once, in an ordered fetch in the order given, unless the fetch is closed before;
  * the bytes of results that are not handed out are at most `window_bytes_per_task` plus one image;
  * not more than `_ROWS_AT_MOST` URLs are given and not handed out;
  * after `close` no request of this fetch is open.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from picsum_vision.concurrency.byte_budget import ByteBudget
from picsum_vision.concurrency.job_run import JobRun
from picsum_vision.concurrency.loop_thread import LoopThread
from picsum_vision.downloading.downloader import Downloader
from picsum_vision.downloading.job import DOWNLOAD_POOL, DownloadJob
from picsum_vision.fetching.results import FetchedImage
from picsum_vision.options import DownloadOptions

_LOOK_AHEAD_AT_LEAST: Final = 256
_ROWS_AT_MOST: Final = 10_000


class FetchWindow:
    """The window of one fetch. While one thread waits in `collect`, another may `give`; the rest is for one thread at a time."""

    def __init__(self, options: DownloadOptions, *, ordered: bool) -> None:
        """Open the window. Not to be called on the engine's own loop."""
        loop_thread = LoopThread.current()
        budget = ByteBudget(options.window_bytes_per_task)
        self._downloader = Downloader(options, budget, loop_thread)
        self._run: JobRun[DownloadJob] = JobRun(
            loop_thread,
            slots=self._downloader.slots,
            lane_state=self._downloader.lane_state,
            budget=budget,
            look_ahead=max(_LOOK_AHEAD_AT_LEAST, 2 * options.max_in_flight_per_task),
            holding_pools=[DOWNLOAD_POOL],
        )
        self._ordered = ordered
        self._urls: dict[int, str | None] = {}
        self._waiting: dict[int, DownloadJob] = {}  # finished before their turn, in an ordered fetch only
        self._given = self._left = 0
        self._is_all_given = self._is_closed = False
        if ordered:
            self._run.emitted([], 0)

    @property
    def room(self) -> int:
        """How many more URLs are wanted now."""
        return min(self._run.room, _ROWS_AT_MOST - (self._given - self._left))

    @property
    def is_done(self) -> bool:
        """Whether all URLs were given and handed out."""
        return self._is_all_given and self._left == self._given

    def give(self, urls: Iterable[Any]) -> None:
        """Start the downloads of some URLs; what is no text, as pandas' NaN, is a URL that is not there."""
        jobs = []
        for url in urls:
            text = url if isinstance(url, str) else None
            self._urls[self._given] = text
            jobs.append(self._downloader.job(self._given, text))
            self._given += 1
        if jobs:
            self._run.submit(jobs)

    def all_given(self) -> None:
        """Say that no more URLs will come."""
        self._is_all_given = True
        self._run.no_more_input()

    def collect(self) -> list[DownloadJob]:
        """Wait up to a quarter of a second, and return what may leave now."""
        jobs = self._run.collect()
        if not self._ordered:
            return jobs
        self._waiting.update((job.number, job) for job in jobs)
        return list(self._next_in_line())

    def _next_in_line(self) -> Iterator[DownloadJob]:
        number = self._left
        while number in self._waiting:
            yield self._waiting.pop(number)
            number += 1

    def hand_out(self, job: DownloadJob) -> FetchedImage:
        """Return the job's result."""
        assert job.outcome is not None  # noqa: S101 - a finished job has one
        return FetchedImage(index=job.number, url=self._urls.pop(job.number), data=job.data, outcome=job.outcome)

    def handed_out(self, jobs: Sequence[DownloadJob]) -> None:
        """Say that these results are the caller's now, so that others may take their room."""
        self._left += len(jobs)
        self._run.emitted(jobs, self._left if self._ordered else None)

    def close(self) -> None:
        """Cancel what is left; returns when no request is open any more."""
        if not self._is_closed:
            self._is_closed = True
            self._run.close()
