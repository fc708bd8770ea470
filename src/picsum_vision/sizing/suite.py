"""The suite: warm up, the notebook's method on a share, then each size and stage as often as asked, kept as it goes."""

from __future__ import annotations

import dataclasses
import datetime as dt
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from pyspark.errors import PySparkException
from pyspark.sql import functions as F

from picsum_vision.describing.backends import ChatCompletions
from picsum_vision.errors import EnvironmentProblem, ModelProblem, PicsumVisionError
from picsum_vision.redaction import redact_text
from picsum_vision.sizing import notebook_method
from picsum_vision.sizing.environment import environment, settings_of
from picsum_vision.sizing.fit import Fit, fit_results, predictions
from picsum_vision.sizing.load import check_list, share_of_images, warm_up_images
from picsum_vision.sizing.process_tree import why_not_measured
from picsum_vision.sizing.result import NotebookFigures, SizeFigures, SizingResult, StageFigures, keep_result_before
from picsum_vision.sizing.settings import SizingConfig
from picsum_vision.sizing.stages import Stages
from picsum_vision.sizing.target import Target, open_target
from picsum_vision.sizing.tracking import Say, Tracking
from picsum_vision.spark.sharing import tasks_at_once
from picsum_vision.spark.transforms import download

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession


class Suite:
    """One run of the suite in one session."""

    def __init__(
        self, spark: SparkSession, config: SizingConfig, folder: Path, *, tracking: Tracking, fit: Fit, progress: Say
    ) -> None:
        """Take what is measured, where results go, and by what constants sizes are predicted before they are measured."""
        self._spark = spark
        self._config = config
        self._folder = folder
        self._tracking = tracking
        self._fit = fit
        self._say = progress
        self._tasks = config.tasks_of(tasks_at_once(spark))
        self._has_written = False
        self._result = SizingResult(
            suite=uuid.uuid4().hex[:12],
            started_at=dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds"),
            settings={},
            environment=environment(spark),
            folder=str(folder),
        )

    def run(self) -> SizingResult:
        """Measure everything; what was measured is kept, however it ends."""
        result = self._result
        with open_target(self._config) as target:
            result.settings = settings_of(self._config, target, tasks_at_once(self._spark))
            result.environment["processes"] = why_not_measured(self._spark) or "measured"
            check_list(self._config, target.base_url, share_of_images(self._config, self._tasks))
            self._tracking.begin(result)
            stages = Stages(self._spark, self._config, target)
            try:
                self._measure(stages, target)
            except PicsumVisionError as error:
                result.problem = str(error)
                raise
            except BaseException as error:
                result.problem = f"ended early: {type(error).__name__}"
                raise
            finally:
                self._finish()
        return result

    def _measure(self, stages: Stages, target: Target) -> None:
        config = self._config
        rows = warm_up_images(config, self._tasks)
        self._measure_stages(stages, rows, self._result.cold, f"warming up with {rows:,} images")
        self._measure_notebook(stages, target, share_of_images(config, self._tasks))
        self._keep()
        for images in config.sizes:
            size = SizeFigures(images=images)
            self._result.sizes.append(size)
            status = "FAILED"
            try:
                for number in range(config.repeats):
                    size.repeats.append({})
                    said = f"{images:,} images, repeat {number + 1} of {config.repeats}"
                    self._measure_stages(stages, images, size.repeats[-1], said)
                status = "FINISHED"
            finally:
                self._tracking.size(size, status)

    def _measure_stages(self, stages: Stages, images: int, kept: dict[str, StageFigures], said: str) -> None:
        with stages.schema() as where:
            for stage in self._config.stages:
                self._say(f"{said}: {stage}")
                kept[stage] = stages.measure(stage, where, images)
                self._keep()
                self._stop_if_refused(stage, kept[stage])

    def _measure_notebook(self, stages: Stages, target: Target, images: int) -> None:
        """Measure download and question of the notebook's method as often as the sizes are, with as many tasks."""
        if not images:
            return
        config, backend, tasks = self._config, target.backend, self._tasks
        figures = NotebookFigures(images=images, client=notebook_method.client_of_workers(self._spark), tasks=tasks)
        self._result.notebook = figures
        for number in range(config.repeats):
            self._say(f"the notebook's method on {images} images, one request at a time in {tasks} tasks, repeat {number + 1}")
            # Dealt out evenly, these and the pictures below: the notebook is measured at its best.
            urls = stages.urls(images).repartition(tasks)
            _time(figures, "download", urls, notebook_method.downloaded(), images)
            if not isinstance(backend, ChatCompletions):
                figures.left_out["describe"] = f"{type(backend).__name__} is no HTTP endpoint"
                continue
            # Its questions are about images that are there already: they stand in the query's own plan.
            pictures = download(urls, options=config.download_options).where("image_binary IS NOT NULL").select("image_binary")
            came = [(bytes(row[0]),) for row in pictures.collect()]
            held = self._spark.createDataFrame(came, "image_binary BINARY").repartition(tasks)
            answer = notebook_method.described(backend, config.task.full_prompt, config.describe_options.max_output_tokens)
            _time(figures, "describe", held, answer, len(came))

    def _stop_if_refused(self, stage: str, figures: StageFigures) -> None:
        """End the suite where nothing comes through: more of the same would tell nothing, and load a host that refuses."""
        if figures.rows_ok or stage == "urls":
            return
        kind = EnvironmentProblem if figures.refused_at == "download" else ModelProblem
        reason = figures.problem or f"{stage}: none of {figures.rows:,} rows is ok"
        raise kind(f"{reason}; what was measured until then is in {self._folder}")

    def _keep(self) -> None:
        """Write the result; that of the suite before is kept under its name."""
        if not self._has_written:
            keep_result_before(self._folder)
            self._has_written = True
        self._result.write(self._folder)

    def _finish(self) -> None:
        """Compare with what was predicted, learn from what was measured, and write tables and plots."""
        from picsum_vision.sizing.artefacts import write_artefacts  # noqa: PLC0415 - needs the extra, and only here

        result, files = self._result, []
        if self._has_written:  # else nothing was measured, and the suite before keeps the folder
            result.predictions = predictions(result, self._fit)
            fit = fit_results([result])
            result.fit = None if fit is None else dataclasses.asdict(fit)
            self._keep()
            files = write_artefacts(result, self._folder)
        self._tracking.end(result, files)
        if self._has_written:
            self._keep()


def _time(figures: NotebookFigures, stage: str, rows: DataFrame, column: Column, number: int) -> None:
    """Measure one of its stages; where its way of dealing with errors makes the job fail, that is what is told of it."""
    began_s = time.monotonic()
    try:
        ok = rows.select(column.alias("out")).agg(F.count(F.when(F.length("out") > 0, 1)).alias("ok")).collect()[0]["ok"]
    except PySparkException as error:
        figures.left_out[stage] = f"its job failed ({redact_text(' '.join(str(error).split()))[-200:]})"
        for kept in (figures.seconds, figures.rows, figures.rows_ok):
            kept.pop(stage, None)
        return
    if stage not in figures.left_out:
        figures.seconds.setdefault(stage, []).append(round(time.monotonic() - began_s, 4))
        figures.rows.setdefault(stage, []).append(number)
        figures.rows_ok.setdefault(stage, []).append(ok)
