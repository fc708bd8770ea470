"""A run: what is missing, fetched and described in passes, published between them."""

from __future__ import annotations

import dataclasses
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from picsum_vision.describing.backends import AiQuery, BatchChat, PyFunc
from picsum_vision.describing.model_registry import pinned
from picsum_vision.describing.spending import at_price_of, price_factor
from picsum_vision.pipeline.conveyor import Conveyor
from picsum_vision.pipeline.missing import Missing
from picsum_vision.pipeline.mlflow_run import log_run, require_mlflow
from picsum_vision.pipeline.passes import Passes
from picsum_vision.pipeline.portions import ByAge, ByHash, ChunkSize
from picsum_vision.pipeline.quality import keep, measured
from picsum_vision.pipeline.question import Question
from picsum_vision.pipeline.run_log import RunLog
from picsum_vision.pipeline.tally import DESCRIBE, DOWNLOAD, Tally
from picsum_vision.run_report import RunReport
from picsum_vision.spark.generate import url_frame
from picsum_vision.spark.job_state import JobState
from picsum_vision.spark.lease import Lease
from picsum_vision.spark.publishing import AN_ANSWER_EACH, ONE_ANSWER
from picsum_vision.spark.sharing import tasks_at_once
from picsum_vision.spark.staging import Staging
from picsum_vision.spark.tables import TableStore
from picsum_vision.spark.url_sources import urls_from
from picsum_vision.table_columns import COLUMNS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from picsum_vision.config import PipelineConfig

_ALL_ROWS: Final = (1 << 31) - 1

Progress = Callable[[str], None]


def run_pipeline(spark: SparkSession, config: PipelineConfig, *, progress: Progress | None = None) -> RunReport:
    """Run the job that `config` says, and return what became of its rows.

    Downloads and describes only what the tables have not; every row of `image_urls` that was asked for has a row in `image_codes`
    and in `image_desc` afterwards, with the reason where it failed. `progress` is told one line for each step.

    Raises
    ------
    SettingError, ColumnError
        If a setting is wrong; before any work.
    TableProblem
        If catalog, schema or tables cannot be used; the message has the SQL that repairs it.
    ModelProblem
        If the model cannot be asked at all.

    """
    if config.log_to_mlflow:
        require_mlflow()
    if isinstance(config.backend, PyFunc):
        # The version that an alias means now: all passes ask the same one, and the tables remember which.
        config = dataclasses.replace(config, backend=pinned(config.backend))
    return _Run(spark, config, progress or (lambda _: None)).run()


class _Run:
    def __init__(self, spark: SparkSession, config: PipelineConfig, progress: Progress) -> None:
        self._spark = spark
        self._config = config
        self._say = progress
        self._store = TableStore(spark, config.tables)
        self._asked = (
            url_frame(spark, config.urls) if config.urls_from is None else urls_from(spark, config.urls_from, config.url_col)
        )
        self._question = Question.of(config.backend, config.task)
        self._missing = Missing(
            self._store,
            self._asked,
            self._question,
            retry_before_us=time.time_ns() // 1_000 if config.retry_failed else None,
            describe_unknown=config.describe_unknown,
        )
        self._staging = Staging(self._store, AN_ANSWER_EACH if config.on_new_question == "keep_both" else ONE_ANSWER)
        self._prices = at_price_of(config.describe, price_factor(config.backend))
        self._passes = Passes(config, config.partitions or tasks_at_once(spark), self._prices)
        self._chunk = ChunkSize(config.checkpoint_interval_s)
        self._tally = Tally()
        self._run_id = uuid.uuid4().hex
        self._log = RunLog(spark, self._store, self._run_id, config)
        self._lease = Lease(self._store, self._run_id)
        # The platform plans the one and the endpoint the other: they are asked once for all, when all images are there.
        self._asks_once = isinstance(config.backend, (AiQuery, BatchChat))

    def run(self) -> RunReport:
        began_s = time.monotonic()
        self._store.make_missing()
        with self._lease.take(self._config.when_busy, self._say):
            self._conveyor = Conveyor(self._staging)
            self._log.begin()
            try:
                self._work()
                report = self._report(began_s)
            except Exception as error:
                # Until its thread has ended nobody else may take the tables.
                self._conveyor.let_finish()
                self._log.fail(error)
                raise
            self._log.end(report)
        if self._config.log_to_mlflow:
            log_run(report, self._config, self._log.versions)
        return report

    def _work(self) -> None:
        if self._config.mode == "overwrite":
            self._staging.remove()
            for role in reversed(COLUMNS):
                self._store.delete_all(role)
        left = self._staging.publish_left()
        if left:
            self._say(f"{left:,} rows of a run that was ended are published")
        self._store.append_anew("image_urls", lambda: self._store.missing_from("image_urls", self._asked))
        self._fetch_new()
        if self._config.retry_failed:
            self._fetch_again("trying {:,} downloads again", self._missing.failed_images())
        self._describe()
        self._staging.remove()

    def _fetch_new(self) -> None:
        if self._asks_once:
            self._work_off("{:,} images to download", self._missing.images(), self._passes.fetch, all_new=True)
            return
        words, keys = "{:,} images to download", self._missing.images(answered=False)
        all_new = not self._missing.any_has_an_answer(keys)
        self._work_off(words, keys, self._passes.fetch_and_describe, all_new=all_new)
        # Somebody took away their images, but they have their answers.
        words = "{:,} images to download whose answers are there"
        self._work_off(words, self._missing.images(answered=True), self._passes.fetch, all_new=True)

    def _fetch_again(self, words: str, keys: DataFrame) -> None:
        """Put a new outcome in the place of what is there; where workers describe, a new answer, too."""
        make = self._passes.fetch if self._asks_once else self._passes.fetch_and_describe
        self._work_off(words, keys, make, all_new=False)

    def _work_off(self, words: str, keys: DataFrame, make: Callable[[DataFrame], DataFrame], *, all_new: bool) -> None:
        """Take the keys through passes; afterwards everything is published."""
        portions = ByHash(keys, keys.count())
        if portions.left:
            self._say(words.format(portions.left))
        stages = (DOWNLOAD, DESCRIBE) if make == self._passes.fetch_and_describe else (DOWNLOAD,)
        with self._tally.timed(*stages):
            while portions.left and (portion := portions.take(self._chunk.rows)) is not None:
                began_s = time.monotonic()
                rows = self._pass(make(portion), all_new=all_new)
                portions.done(rows)
                self._chunk.learn(rows, time.monotonic() - began_s)
                self._say(f"{portions.left:,} images left")
            self._conveyor.settle()

    def _describe(self) -> None:
        """Ask about images that are there; about such as were fetched and not kept, after fetching them again."""
        if not self._describe_kept():
            return
        self._fetch_again("{:,} images were not kept and are fetched again", self._missing.answers(image_known_ok=True))
        if self._asks_once:
            self._describe_kept()

    def _describe_kept(self) -> bool:
        keys = self._missing.answers()
        number = keys.count()
        if not number:
            return False
        self._say(f"{number:,} images to describe")
        portions = ByAge(keys)
        with self._tally.timed(DESCRIBE):
            while (portion := portions.take(_ALL_ROWS if self._asks_once else self._chunk.rows)) is not None:
                began_s = time.monotonic()
                rows = self._pass(self._passes.describe(self._store, portion), all_new=False)
                if not self._asks_once:
                    self._chunk.learn(rows, time.monotonic() - began_s)
            self._conveyor.settle()
        return True

    def _pass(self, rows: DataFrame, *, all_new: bool) -> int:
        self._lease.check()
        figures = self._conveyor.take(rows, all_new=all_new)
        self._tally.add(figures)
        self._passes.spent(figures.input_tokens, figures.output_tokens)
        return max(figures.downloaded, figures.described)

    def _report(self, began_s: float) -> RunReport:
        counts = not self._config.describe_unknown
        now = JobState.read(self._store, self._asked, self._question.is_of_row(unknown_counts=counts))
        quality = measured(self._store, self._asked, self._question, unknown_counts=counts)
        keep(self._spark, self._store, self._run_id, quality)
        return RunReport(
            run_id=self._run_id,
            rows=now.download.rows,
            download=self._tally.download_report(now.download),
            describe=self._tally.describe_report(now.describe, self._prices),
            tables={role: self._config.tables.readable(role) for role in COLUMNS},
            seconds=time.monotonic() - began_s,
            quality=quality,
            min_ok_share=self._config.min_ok_share,
        )
