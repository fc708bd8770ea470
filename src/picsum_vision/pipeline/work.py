"""The work of one run: what is missing goes through chunks, and is published between them.

A sweep takes every address that has the same thing to be done about it through chunks. A chunk ends by the clock, and what it
left is what the next sweep finds. Invariants: a sweep that finished no row is followed by one whose chunks wait for every row, so
that there is an end; a chunk's rows are published before a sweep looks for what is missing.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final, TypeVar

from picsum_vision.config import PipelineConfig
from picsum_vision.describing.backends import AiQuery, BatchChat
from picsum_vision.pipeline.chunks import Chunks
from picsum_vision.pipeline.portions import ByAge, ByHash, ChunkSize, ImagePortion
from picsum_vision.pipeline.staged_writer import StagedChunk, StagedWriter, wait_for_any
from picsum_vision.pipeline.standing import Standing, Survey, Todo
from picsum_vision.pipeline.tally import DESCRIBE, DOWNLOAD, Tally
from picsum_vision.progress.tracker import RunProgress
from picsum_vision.spark.publishing import several_answers
from picsum_vision.spark.staging import ChunkFigures
from picsum_vision.spark.tables import TableStore
from picsum_vision.table_columns import KEY

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_ALL_ROWS: Final = (1 << 31) - 1
_AT_ONCE: Final = 3
# The next chunk begins when this one is about to take no more rows: its tasks need a moment to start.
_BEGINS_AFTER: Final = 0.8

Portion = TypeVar("Portion")
NextFrame = Callable[[int], "DataFrame | None"]


class Work:
    """Takes the addresses of a job to their images and answers; to be used by the holder of the lease."""

    def __init__(
        self,
        config: PipelineConfig,
        *,
        store: TableStore,
        asked: DataFrame,
        standing: Standing,
        chunks: Chunks,
        writer: StagedWriter,
        check: Callable[[], None],
        progress: RunProgress,
        asked_may_grow: bool,
    ) -> None:
        """Take all that it works with; `check` raises when the run is to stop, `progress` is told what is begun and done.

        `asked_may_grow`: what is asked for is read from a source of others, which may have more addresses each time.
        """
        self.tally = Tally()
        self._store = store
        self._asked = asked
        self._asked_may_grow = asked_may_grow
        self._standing = standing
        self._chunks = chunks
        self._writer = writer
        self._check = check
        self._progress = progress
        self._interval_s = config.checkpoint_interval_s
        self._size = ChunkSize(config.checkpoint_interval_s)
        # The platform plans the one and the endpoint the other: they are asked once for all, when all images are there.
        self._asks_once = isinstance(config.backend, (AiQuery, BatchChat))
        self._replaces = config.on_new_question == "replace"
        self._tries_again = config.retry_failed or config.retry_permanent
        self._tables_are_new = False
        self._half_done = 0
        self._was_empty = False  # the last chunk, of rows

    def begin(self, *, tables_are_new: bool) -> Survey:
        """List the addresses in image_urls, and return how they stand; raises where their answers could not be kept."""
        self._tables_are_new = tables_are_new
        first = Survey.of_new_tables(self._asked.count()) if tables_are_new else self._standing.survey()
        if self._replaces and not tables_are_new and first.asks and self._standing.any_has_several_answers():
            raise several_answers(self._store)  # before anything is paid for that could not be kept
        if not first.lists_all:
            self._store.append_missing("image_urls", self._asked, none_is_there=tables_are_new)
        return first

    def do(self, first: Survey) -> Survey:
        """Do what is missing of addresses that stand so, and return how they stand afterwards."""
        self._fetch_new(first)
        # Somebody took away their images, or these failed and are tried again, but they have their answers.
        words = "{:,} images to download whose answers are there"
        self._work_off(Todo.FETCH, first.left(Todo.FETCH), words, all_new=not self._tries_again, fetch_only=True)
        self._work_off(Todo.FETCH_AGAIN, first.left(Todo.FETCH_AGAIN), "trying {:,} downloads again", all_new=False)
        has_more_images = self._half_done or (self._asks_once and self._writer.chunks_begun)
        now = self._standing.survey() if has_more_images else first
        if now.left(Todo.ASK):
            self._describe(now.left(Todo.ASK))
        return self._after(first)

    def _after(self, first: Survey) -> Survey:
        if not self._writer.chunks_begun:
            return first
        computed = first.after(self.tally.groups)
        is_known = first.has_only_new and not self._asks_once and not self._half_done and computed.rows == first.rows
        return computed if is_known else self._standing.survey()

    def _fetch_new(self, survey: Survey) -> None:
        number = survey.left(Todo.FETCH_AND_ASK)
        keys = self._new_keys(are_all=number == survey.rows)
        # The survey knows the answers to this question only; one to another may be there, whose place the new one takes. And it
        # knows nothing of what comes into a source after it.
        all_new = self._tables_are_new or (number > 0 and not self._asked_may_grow and not self._standing.any_has_an_answer(keys))
        self._work_off(Todo.FETCH_AND_ASK, number, "{:,} images to download", all_new=all_new, keys=keys)

    def _new_keys(self, *, are_all: bool) -> DataFrame:
        """Return the addresses of which there is nothing before the first chunk, `are_all` if the survey found no others."""
        if are_all and not self._asked_may_grow:
            return self._asked
        return self._store.read("image_urls").select(KEY) if self._tables_are_new else self._keys(Todo.FETCH_AND_ASK)

    def _keys(self, todo: Todo) -> DataFrame:
        # What comes into a source after the survey is the next run's, which lists it first.
        listed = self._store.read("image_urls") if self._asked_may_grow and todo is Todo.FETCH_AND_ASK else None
        # Who is asked about without an image has none that was kept: what did not come at all has its answer, no_image.
        return self._standing.keys(todo, image_is_ok=todo is Todo.ASK, among=listed)

    def _describe(self, number: int) -> None:
        """Ask about images that are there; about such as were fetched and not kept, after fetching them again."""
        self._describe_kept(number)
        not_kept = self._standing.survey().left(Todo.ASK)
        self._work_off(Todo.ASK, not_kept, "{:,} images were not kept and are fetched again", all_new=False)
        if self._asks_once and not_kept:
            self._describe_kept(not_kept)

    def _work_off(
        self, todo: Todo, number: int, words: str, *, all_new: bool, fetch_only: bool = False, keys: DataFrame | None = None
    ) -> None:
        """Take all addresses with this to be done through chunks, sweep by sweep; of the first one they are `keys`, if given."""
        fetches_only = fetch_only or self._asks_once
        make = self._chunks.fetch if fetches_only else self._chunks.fetch_and_describe
        stages = (DOWNLOAD,) if fetches_only else (DOWNLOAD, DESCRIBE)
        stop_after_s: float | None = self._interval_s
        while number:
            self._progress.begin("download" if fetches_only else "download_and_describe", number, words.format(number))
            portions = ByHash((self._keys(todo) if keys is None else keys).select(KEY), number)
            frames = _frames(portions.take, functools.partial(make, stop_after_s=stop_after_s))
            swept = self._run_chunks(frames, *stages, all_new=all_new)
            number = swept.left + (swept.half_done if todo is Todo.ASK else 0)
            stop_after_s = self._interval_s if swept.rows else None
            keys = None

    def _describe_kept(self, number: int) -> None:
        stop_after_s: float | None = self._interval_s
        while number:
            self._progress.begin("describe", number, f"{number:,} images to describe")
            self._was_empty = False
            portions = ByAge(self._standing.keys(Todo.ASK))

            def next_portion(rows: int, portions: ByAge = portions) -> ImagePortion | None:
                if self._was_empty:
                    # Images that were not kept, often all of them: looking ahead is quicker than a chunk for each thousand.
                    portions.skip(rows, lambda portion: self._chunks.has_any_to_describe(self._store, portion))
                return portions.take(_ALL_ROWS if self._asks_once else rows)

            describe = functools.partial(self._chunks.describe, self._store, stop_after_s=stop_after_s)
            swept = self._run_chunks(_frames(next_portion, describe), DESCRIBE, all_new=False)
            number = swept.left
            stop_after_s = self._interval_s if swept.rows else None

    def _run_chunks(self, next_frame: NextFrame, *stages: str, all_new: bool) -> ChunkFigures:
        """Take what `next_frame` returns, asked with the rows that are wanted, until it is None; returns what came of them."""
        running: dict[Future[ChunkFigures], StagedChunk] = {}
        swept = ChunkFigures(())
        is_at_end = False
        with self.tally.timed(*stages):
            while not is_at_end or running:
                if not is_at_end and self._waits_s(running) <= 0:
                    frame = next_frame(self._size.rows)
                    is_at_end = frame is None
                    if frame is not None:
                        self._check()
                        chunk = self._writer.begin(frame, all_new=all_new)
                        running[chunk.evaluated] = chunk
                else:
                    wait_s = None if is_at_end else self._waits_s(running)
                    for future in wait_for_any(running, None if wait_s == math.inf else wait_s):
                        swept += self._take_in(future.result(), running.pop(future).seconds)
            self._writer.flush()
        return swept

    def _waits_s(self, running: Mapping[Future[ChunkFigures], StagedChunk]) -> float:
        """Return the seconds until another chunk may begin; infinity where one of these has to end first."""
        if not running:
            return 0
        if not self._chunks.may_overlap or len(running) >= _AT_ONCE:
            return math.inf
        if self._chunks.fill_all_slots:
            # Spark gives its tasks each slot that the chunk before it leaves.
            return 0 if len(running) == 1 else math.inf
        newest_s = max(chunk.began_s for chunk in running.values())
        return max(0.0, newest_s + _BEGINS_AFTER * self._interval_s - time.monotonic())

    def _take_in(self, figures: ChunkFigures, seconds: float) -> ChunkFigures:
        self._was_empty = not figures.planned
        self._half_done += figures.half_done
        self.tally.add(figures)
        self._progress.passed(figures.sums)
        self._chunks.spent(figures.total("input_tokens"), figures.total("output_tokens"), figures.total("uncounted"))
        if not self._asks_once:
            self._size.learn(figures.planned, figures.rows, seconds)
        return figures


def _frames(next_portion: Callable[[int], Portion | None], make: Callable[[Portion], DataFrame]) -> NextFrame:
    def next_frame(rows: int) -> DataFrame | None:
        portion = next_portion(rows)
        return None if portion is None else make(portion)

    return next_frame
