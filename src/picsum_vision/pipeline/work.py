"""The work of one run: what is missing goes through passes, and is published between them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from picsum_vision.config import PipelineConfig
from picsum_vision.describing.backends import AiQuery, BatchChat
from picsum_vision.pipeline.attempts import Attempts
from picsum_vision.pipeline.conveyor import Conveyor, StagedPass
from picsum_vision.pipeline.passes import Passes
from picsum_vision.pipeline.portions import ByAge, ByHash, ChunkSize
from picsum_vision.pipeline.standing import Standing, Survey, Todo
from picsum_vision.pipeline.tally import DESCRIBE, DOWNLOAD, Tally
from picsum_vision.progress.tracker import RunProgress
from picsum_vision.spark.publishing import several_answers
from picsum_vision.spark.staging import PassFigures
from picsum_vision.spark.tables import TableStore
from picsum_vision.table_columns import KEY

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_ALL_ROWS: Final = (1 << 31) - 1
_BEGUN_AHEAD: Final = 2  # the pass that runs, and the one that takes its slots

NextPass = Callable[[int], "DataFrame | None"]


class Work:
    """Takes the addresses of a job to their images and answers; to be used by the holder of the lease."""

    def __init__(
        self,
        config: PipelineConfig,
        *,
        store: TableStore,
        asked: DataFrame,
        standing: Standing,
        passes: Passes,
        conveyor: Conveyor,
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
        self._passes = passes
        self._conveyor = conveyor
        self._check = check
        self._progress = progress
        self._chunk = ChunkSize(config.checkpoint_interval_s)
        # The platform plans the one and the endpoint the other: they are asked once for all, when all images are there.
        self._asks_once = isinstance(config.backend, (AiQuery, BatchChat))
        self._replaces = config.on_new_question == "replace"
        self._tries_again = config.retry_failed or config.retry_permanent
        self._attempts = Attempts()
        self._tables_are_new = False
        self._was_empty = False  # the last pass, of rows
        # What a pass may spend is what the ones before it have left; and where a pass leaves slots free, a second one beside it
        # would have a second share of the limits.
        begins_ahead = config.describe.max_cost_total is None and passes.fill_all_slots
        self._begun_ahead = _BEGUN_AHEAD if begins_ahead else 1

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
        now = first
        self._fetch_new(first)
        again = first.left(Todo.FETCH_AGAIN)
        self._work_off("trying {:,} downloads again", again, self._standing.keys(Todo.FETCH_AGAIN), all_new=False)
        if self._asks_once and self._conveyor.passes:
            now = self._standing.survey()
        if now.left(Todo.ASK):
            self._describe(now.left(Todo.ASK))
        return self._after(first)

    def _after(self, first: Survey) -> Survey:
        if not self._conveyor.passes:
            return first
        computed = first.after(self.tally.groups)
        is_known = first.has_only_new and not self._asks_once and not self._attempts.any_twice and computed.rows == first.rows
        return computed if is_known else self._standing.survey()

    def _fetch_new(self, survey: Survey) -> None:
        number = survey.left(Todo.FETCH_AND_ASK)
        keys = self._new_keys(are_all=number == survey.rows)
        # The survey knows the answers to this question only; one to another may be there, whose place the new one takes. And it
        # knows nothing of what comes into a source after it.
        all_new = self._tables_are_new or (number > 0 and not self._asked_may_grow and not self._standing.any_has_an_answer(keys))
        done = self._work_off("{:,} images to download", number, keys, all_new=all_new)
        if done < number or self._attempts.any_twice:
            # A worker ended, and took along what it had handed on; what came twice may hide that in the count.
            keys = self._missing_keys()
            number = keys.count()
            self._work_off("{:,} images of lost workers to download again", number, keys, all_new=False, relayed=False)
        # Somebody took away their images, or these failed and are tried again, but they have their answers.
        words, keys = "{:,} images to download whose answers are there", self._standing.keys(Todo.FETCH)
        self._work_off(words, survey.left(Todo.FETCH), keys, all_new=not self._tries_again, fetch_only=True)

    def _new_keys(self, *, are_all: bool) -> DataFrame:
        """Return the addresses of which there is nothing before the first pass, `are_all` if the survey found no others."""
        if are_all and not self._asked_may_grow:
            return self._asked
        return self._store.read("image_urls").select(KEY) if self._tables_are_new else self._missing_keys()

    def _missing_keys(self) -> DataFrame:
        # What comes into a source after the survey is the next run's, which lists it first.
        listed = self._store.read("image_urls") if self._asked_may_grow else None
        return self._standing.keys(Todo.FETCH_AND_ASK, among=listed)

    def _describe(self, number: int) -> None:
        """Ask about images that are there; about such as were fetched and not kept, after fetching them again."""
        self._describe_kept(number)
        not_kept = self._standing.survey().left(Todo.ASK)
        if not not_kept:
            return
        keys = self._standing.keys(Todo.ASK, image_is_ok=True)
        words = "{:,} images were not kept and are fetched again"
        self._work_off(words, not_kept, keys, all_new=False, relayed=False)
        if self._asks_once:
            self._describe_kept(not_kept)

    def _work_off(
        self, words: str, number: int, keys: DataFrame, *, all_new: bool, fetch_only: bool = False, relayed: bool = True
    ) -> int:
        """Take about so many keys through passes; afterwards everything is published. Returns how many rows that were."""
        if not number:
            return 0
        fetches_only = fetch_only or self._asks_once
        self._progress.begin("download" if fetches_only else "download_and_describe", number, words.format(number))
        portions = ByHash(keys.select(KEY), number)
        if fetches_only:
            return self._run_passes(_each(portions, self._passes.fetch), DOWNLOAD, all_new=all_new)
        relay = self._passes.new_relay() if relayed else None

        def next_pass(rows: int) -> DataFrame | None:
            keys = portions.take(rows)
            return None if keys is None else self._passes.fetch_and_describe(keys, relay, is_last=portions.is_at_end)

        done = self._run_passes(next_pass, DOWNLOAD, DESCRIBE, all_new=all_new)
        while relay is not None and relay.has_handed_on and (done < number or self._attempts.any_twice):
            late = self._run_passes(_once(self._passes.left_of(relay)), DOWNLOAD, DESCRIBE, all_new=False)
            if not late:
                break
            done += late
        return done

    def _describe_kept(self, number: int) -> None:
        self._progress.begin("describe", number, f"{number:,} images to describe")
        portions = ByAge(self._standing.keys(Todo.ASK))
        self._was_empty = False

        def next_pass(rows: int) -> DataFrame | None:
            if self._was_empty:
                # Images that were not kept, often all of them: looking ahead is quicker than a pass for each thousand.
                portions.skip(rows, lambda portion: self._passes.has_any_to_describe(self._store, portion))
            portion = portions.take(_ALL_ROWS if self._asks_once else rows)
            return None if portion is None else self._passes.describe(self._store, portion)

        self._run_passes(next_pass, DESCRIBE, all_new=False)

    def _run_passes(self, next_pass: NextPass, *stages: str, all_new: bool) -> int:
        """Take what `next_pass` returns, asked with the rows that are wanted, until it is None; returns the rows that came."""
        begun: deque[StagedPass] = deque()
        done = 0
        with self.tally.timed(*stages):
            ended_s = time.monotonic()
            while self._begin(begun, next_pass):
                figures = begun[0].figures()
                self._attempts.look(figures.read_by)
                twice = self._attempts.any_twice
                begun.popleft().publish(all_new=all_new and not twice, repeats=twice)
                rows, began_s, ended_s = figures.rows, ended_s, time.monotonic()
                self._take_in(figures, rows, ended_s - began_s)
                done += rows
            self._conveyor.settle()
        return done

    def _begin(self, begun: deque[StagedPass], next_pass: NextPass) -> bool:
        """Begin as many passes as may be under way; return whether there is one to wait for."""
        ahead = 1 if self._passes.endpoint_in_doubt else self._begun_ahead
        while len(begun) < ahead and (rows := next_pass(self._chunk.rows)) is not None:
            self._check()
            begun.append(self._conveyor.take(rows))
        return bool(begun)

    def _take_in(self, figures: PassFigures, rows: int, seconds: float) -> None:
        self._was_empty = not rows
        self.tally.add(figures)
        self._progress.passed(figures.sums)
        self._passes.take_in(figures)
        if not self._asks_once:
            self._chunk.learn(rows, seconds)


def _once(frame: DataFrame) -> NextPass:
    frames = iter([frame])
    return lambda _: next(frames, None)


def _each(portions: ByHash, make: Callable[[DataFrame], DataFrame]) -> NextPass:
    def next_pass(rows: int) -> DataFrame | None:
        keys = portions.take(rows)
        return None if keys is None else make(keys)

    return next_pass
