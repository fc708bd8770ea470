"""Chunks on their way into the tables: a thread for each evaluates it into a staging table and publishes it.

States of a chunk: evaluated into its staging table (one commit) -> published into the tables -> its staging table is free again.
See docs/decisions/0005-the-job.md for what may end where.
"""

from __future__ import annotations

import concurrent.futures
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

from picsum_vision.spark.staging import ChunkFigures, Staging

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Result = TypeVar("Result")


class StagedWriter:
    """Evaluates several chunks at a time, and publishes one at a time."""

    def __init__(self, staging: Staging, check: Callable[[], None], say: Callable[[str], None]) -> None:
        """Begin when no thread of a run that was interrupted in this process is at the tables any more.

        `check` raises where these tables are another run's by now; it is called before anything is published.
        """
        left = [thread for thread in threading.enumerate() if thread.name == _thread_name(staging)]
        if left:
            say("waiting for what an interrupted run of this process still has under way")
        for thread in left:
            thread.join()
        self._staging = staging
        self._check = check
        self._one_at_a_time = threading.Lock()
        self._free = list(staging.names)
        self._chunks: list[StagedChunk] = []
        self._threads: list[threading.Thread] = []
        self._is_cancelled = False
        self.chunks_begun = 0
        self.rows_kept = 0  # committed in a staging table at least

    def submit(self, work: Callable[[], Result]) -> Future[Result]:
        """Begin `work` on a thread of its own: who is interrupted does not wait for it, a later run in this process does."""
        result: Future[Result] = Future()

        def run() -> None:
            try:
                result.set_result(work())
            except BaseException as error:  # noqa: BLE001 - whoever waits raises it
                result.set_exception(error)

        thread = threading.Thread(target=run, name=_thread_name(self._staging), daemon=True)
        self._threads.append(thread)
        thread.start()
        return result

    def begin(self, rows: DataFrame, *, all_new: bool) -> StagedChunk:
        """Begin a chunk; `all_new` if none of its rows can be in the tables. Waits where all staging tables are taken."""
        while not self._free:
            wait_for_any(chunk.published for chunk in self._chunks)
            self._take_back()
        chunk = StagedChunk(self._free.pop(0))
        self._chunks.append(chunk)
        self.chunks_begun += 1
        chunk.published = self.submit(lambda: self._write(chunk, rows, all_new=all_new))
        return chunk

    def flush(self) -> None:
        """Wait until everything is published; raises what went wrong on the way."""
        for chunk in self._chunks:
            chunk.published.result()
        self._take_back()

    def join(self) -> None:
        """Wait until nothing is under way any more, however that ends: what a chunk leaves, the next run publishes."""
        for thread in self._threads:
            thread.join()

    def cancel(self) -> None:
        """Let every chunk end with its commit, without waiting for it: the next run publishes what it leaves."""
        self._is_cancelled = True

    def _take_back(self) -> None:
        for chunk in [chunk for chunk in self._chunks if chunk.published.done()]:
            chunk.published.result()
            self._chunks.remove(chunk)
            self._free.append(chunk.table)

    def _write(self, chunk: StagedChunk, rows: DataFrame, *, all_new: bool) -> None:
        try:
            staged, figures = self._staging.write(chunk.table, rows)
        except BaseException as error:
            chunk.evaluated.set_exception(error)
            raise
        self.rows_kept += figures.rows + figures.half_done
        chunk.seconds = time.monotonic() - chunk.began_s
        chunk.evaluated.set_result(figures)
        with self._one_at_a_time:
            if not self._is_cancelled:
                self._check()
                self._staging.publish(staged, all_new=all_new)


class StagedChunk:
    """One chunk: `evaluated` has its figures once its rows are committed, `published` ends when they are in the tables."""

    def __init__(self, table: str) -> None:
        """Name its staging table."""
        self.table = table
        self.began_s = time.monotonic()
        self.seconds = 0.0  # until it was evaluated
        self.evaluated: Future[ChunkFigures] = Future()
        self.published: Future[None] = Future()


def wait_for_any(futures: Iterable[Future[Result]], timeout_s: float | None = None) -> set[Future[Result]]:
    """Wait until one of them is done, at most `timeout_s`; return those that are."""
    return concurrent.futures.wait(list(futures), timeout_s, concurrent.futures.FIRST_COMPLETED).done


def _thread_name(staging: Staging) -> str:
    return f"picsum-vision publishes {staging.place}"
