"""A run from its lease to its report."""

from __future__ import annotations

import dataclasses
import time
import uuid
from typing import TYPE_CHECKING, Final

from picsum_vision.describing.backends import PyFunc
from picsum_vision.describing.model_registry import resolved, sent_task
from picsum_vision.describing.spending import at_price_of, price_factor
from picsum_vision.describing.task_bounds import task_bounds
from picsum_vision.errors import JobCancelled
from picsum_vision.pipeline.chunks import Chunks
from picsum_vision.pipeline.key_check import check_key
from picsum_vision.pipeline.question import Question
from picsum_vision.pipeline.staged_writer import StagedWriter
from picsum_vision.pipeline.standing import Standing, Wanted
from picsum_vision.pipeline.starting_over import check_source, emptied
from picsum_vision.pipeline.watchers import RunFacts, watchers_of
from picsum_vision.pipeline.work import Work
from picsum_vision.progress.notebook import notebook_progress
from picsum_vision.progress.tracker import RunProgress, Show
from picsum_vision.run_report import NO_ADDRESSES, RunReport
from picsum_vision.spark.generate import url_frame
from picsum_vision.spark.lease import Lease
from picsum_vision.spark.publishing import AN_ANSWER_EACH, ONE_ANSWER
from picsum_vision.spark.quality_table import QUALITY_TABLE
from picsum_vision.spark.run_table import RUN_TABLE
from picsum_vision.spark.sharing import tasks_of_a_chunk
from picsum_vision.spark.staging import Staging
from picsum_vision.spark.tables import TableStore
from picsum_vision.spark.threads import is_cancellation
from picsum_vision.spark.url_sources import urls_from
from picsum_vision.table_columns import COLUMNS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from picsum_vision.config import PipelineConfig

_CANCELLED: Final = "run {} was cancelled; what it has committed is kept, and the next run goes on from there"


def run_pipeline(spark: SparkSession, config: PipelineConfig, *, progress: Show | None = None) -> RunReport:
    """Run the job that `config` says, and return what became of its rows.

    Downloads and describes only what the tables have not; every row of `image_urls` that was asked for has a row in `image_codes`
    and in `image_desc` afterwards, with the reason where it failed. `progress` is told a
    :class:`ProgressEvent` for each step and now and then in between, which as text is one line; None: a notebook shows them below
    its cell, elsewhere nothing is said.

    Raises
    ------
    SettingError, ColumnError
        If a setting is wrong; before any work.
    TableProblem
        If catalog, schema or tables cannot be used; the message has the SQL that repairs it.
    ModelProblem
        If the model cannot be asked at all, or its endpoint refuses every request: what was downloaded is kept.
    JobCancelled
        If its job group, tag or query was cancelled.

    """
    if config.urls_from is None:
        return run_over(spark, config, url_frame(spark, config.urls), progress=progress)
    listed = urls_from(spark, config.urls_from, config.url_col)
    check_source(spark, config, listed.urls)
    return run_over(spark, config, listed.urls, progress=progress, rows=listed.rows)


def run_over(
    spark: SparkSession,
    config: PipelineConfig,
    asked: DataFrame,
    *,
    progress: Show | None = None,
    stream: str | None = None,
    rows: int = 0,
) -> RunReport:
    """Run the job over these addresses, distinct in `image_url`; `stream` names the micro-batch that they are.

    `rows` is how many rows of a list they come from.
    """
    check_key(spark, config.backend)
    if isinstance(config.backend, PyFunc):
        # What its address means now: all passes ask the same model, and the tables remember which, and what it was told.
        model = resolved(config.backend)
        config = dataclasses.replace(config, backend=model, task=sent_task(model, config.task))
    return _Run(spark, config, asked, show=progress or notebook_progress(), stream=stream, rows=rows).run()


class _Run:
    def __init__(
        self,
        spark: SparkSession,
        config: PipelineConfig,
        asked: DataFrame,
        *,
        show: Show | None,
        stream: str | None,
        rows: int,
    ) -> None:
        self._spark = spark
        self._config = config
        self._store = TableStore(spark, config.tables)
        self._asked = asked
        self._stream = stream
        self._listed_rows = rows
        # A micro-batch is the same however often it is read.
        self._asked_may_grow = config.urls_from is not None and stream is None
        question = Question.of(config.backend, config.task)
        several = config.on_new_question == "keep_both"
        self._wanted = Wanted(
            question=question,
            retry_before_us=time.time_ns() // 1_000 if config.retry_failed or config.retry_permanent else None,
            retry_permanent=config.retry_permanent,
            describe_unknown=config.describe_unknown,
            several_answers=several,
        )
        self._prices = at_price_of(config.describe, price_factor(config.backend))
        self._progress = RunProgress(show, prices=self._prices)
        bounds = task_bounds(config.describe, config.backend, config.task)
        self._chunks = Chunks(spark, config, tasks_of_a_chunk(spark, config.partitions, bounds))
        self._run_id = uuid.uuid4().hex
        self._staging = Staging(self._store, AN_ANSWER_EACH if several else ONE_ANSWER, self._run_id)
        facts = RunFacts(
            spark=spark,
            store=self._store,
            run_id=self._run_id,
            config=config,
            asked=lambda: self._asked,
            question=question,
            say=self._progress.say,
            stream=stream,
        )
        self._watchers = watchers_of(facts)
        self._lease = Lease(self._store, self._run_id, others=self._staging.left_for_others)

    def run(self) -> RunReport:
        made = self._store.make_missing()
        if len(made) < len(COLUMNS):
            self._store.check_keys(self._asked)
        waits = self._config.when_busy == "wait"
        with self._progress.watching(self._spark), self._lease.take(wait=waits, say=self._progress.say):
            began_s = time.monotonic()
            tables_are_new = self._lease.is_first and len(made) == len(COLUMNS)
            if not tables_are_new:
                self._see_what_others_did()
            writer = StagedWriter(self._spark, self._staging, self._lease.check, self._progress.say)
            try:
                report = self._work(writer, began_s, tables_are_new=tables_are_new)
                for watcher in self._watchers:
                    report = watcher.ended(report)
            except Exception as error:
                # Until its thread has ended nobody else may take the tables.
                writer.join()
                cancelled = JobCancelled(_CANCELLED.format(self._run_id)) if is_cancellation(error) else None
                for watcher in self._watchers:
                    watcher.failed(cancelled or error)
                if cancelled is not None:
                    # Spark's own error is a stack of the JVM, of which a stream makes an overflow of another one.
                    raise cancelled from None
                raise
            except BaseException as stop:
                # Who is interrupted does not wait; a later run in this process does, for what is under way.
                writer.cancel()
                if isinstance(stop, KeyboardInterrupt):
                    stop.args = (f"{writer.rows_kept:,} rows of this run are kept",)
                raise
        return report

    def _see_what_others_did(self) -> None:
        """Look at the tables as they are now: they were opened before the lease was had, and others may have worked since."""
        for table in (*COLUMNS, RUN_TABLE, QUALITY_TABLE):
            self._store.refresh(table)

    def _begin_anew(self, *, tables_are_new: bool) -> bool:
        """Empty the tables; return whether they are as if they had just been made."""
        if tables_are_new:
            return True
        if self._config.urls_from is not None:
            self._asked, self._asked_may_grow = emptied(self._store, self._asked), False
            return False
        for role in reversed(COLUMNS):
            self._store.delete_all(role)
        return False

    def _work(self, writer: StagedWriter, began_s: float, *, tables_are_new: bool) -> RunReport:
        if self._config.mode == "overwrite":
            self._staging.discard_left()
            tables_are_new = self._begin_anew(tables_are_new=tables_are_new)
        left = self._staging.publish_left()
        if left:
            self._progress.say(f"{left:,} rows of a run that was ended are published")
        standing = Standing(self._store, self._asked, self._wanted)
        work = Work(
            self._config,
            store=self._store,
            asked=self._asked,
            standing=standing,
            chunks=self._chunks,
            writer=writer,
            check=self._lease.check,
            progress=self._progress,
            asked_may_grow=self._asked_may_grow,
        )
        # Neither waits for the other, and no host or model is asked before both are done. A user's open MLflow run is this
        # thread's.
        listing = writer.submit(lambda: work.begin(tables_are_new=tables_are_new and not left))
        for watcher in self._watchers:
            watcher.begun()
        first = listing.result()
        if self._listed_rows > first.rows:
            repeated = self._listed_rows - first.rows
            self._progress.say(
                f"{repeated:,} of {self._listed_rows:,} rows of the list repeat an address of another one; skipped"
            )
        survey = work.do(first)
        # Of a stream a micro-batch may have none, and misses no share.
        misses_nothing = self._stream is not None and not survey.rows
        if not survey.rows and self._stream is None:
            self._progress.say(NO_ADDRESSES)
        self._progress.begin("finish")
        if left or writer.chunks_begun:
            self._staging.give_back_room()
        return RunReport(
            run_id=self._run_id,
            rows=survey.rows,
            download=work.tally.download_report(survey),
            describe=work.tally.describe_report(survey, self._prices),
            tables={role: self._config.tables.readable(role) for role in COLUMNS},
            seconds=time.monotonic() - began_s,
            min_ok_share=None if misses_nothing else self._config.min_ok_share,
            could_be_tried_again=first.could_be_tried_again,
            commonest_failure=standing.commonest_failure() if survey.rows and survey.is_nothing_ok else None,
        )
