"""What a run leaves of itself: its row in `image_runs`, its measures in `image_quality`, and an MLflow run if asked for."""

from __future__ import annotations

import dataclasses
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from picsum_vision.errors import PicsumVisionError
from picsum_vision.pipeline.mlflow_run import MlflowRun
from picsum_vision.pipeline.run_settings import kept_settings, kept_versions
from picsum_vision.run_report import RunReport
from picsum_vision.spark.quality_rules import AskedLanguage, measured
from picsum_vision.spark.quality_table import add_quality, prepare_quality_table
from picsum_vision.spark.run_table import RunTable
from picsum_vision.spark.threads import inheriting

if TYPE_CHECKING:
    from picsum_vision.pipeline.watchers import RunFacts
    from picsum_vision.quality import Quality


class RunLog:
    """Watches one run."""

    def __init__(self, facts: RunFacts) -> None:
        """Take in what is known; nothing is written yet. Raises MissingExtraError if MLflow is asked for and missing."""
        self._facts = facts
        self._table = RunTable(facts.spark, facts.store, facts.run_id)
        self._mlflow = MlflowRun(facts.run_id) if facts.config.log_to_mlflow else None

    def begun(self) -> None:
        """Write that the run is running, and which ones have ended without a word."""
        settings, versions = kept_settings(self._facts.config), kept_versions(self._facts.spark.version)
        prepare_quality_table(self._facts.store)
        abandoned = self._table.begin(settings=json.dumps(settings), versions=versions, stream=self._facts.stream)
        for run_id in abandoned:
            self._facts.say(f"run {run_id} ended without a word; image_runs says abandoned")
        if self._mlflow is not None:
            self._mlflow.begin(settings, versions, abandoned)

    def ended(self, report: RunReport) -> RunReport:
        """Measure the rows, and write figures and measures."""
        facts = self._facts
        # Neither waits for the other: what the row says is known before the measures are.
        with ThreadPoolExecutor(1, thread_name_prefix="picsum-vision-run-row") as beside:
            ending = beside.submit(inheriting(facts.spark, self._end), report)
            quality = self._measured()
            add_quality(facts.spark, facts.store, facts.run_id, quality, min_ok_share=report.min_ok_share)
            ending.result()
        report = dataclasses.replace(report, quality=quality)
        if self._mlflow is not None:
            self._mlflow.end(report)
        return report

    def _end(self, report: RunReport) -> None:
        download, describe = report.download, report.describe
        done = max(stage.rows - stage.skipped for stage in (download, describe))
        self._table.end(
            report.state,
            message=report.error,
            rows=report.rows,
            download_by_status=download.by_status,
            describe_by_status=describe.by_status,
            seconds=report.seconds,
            images_per_second=done / report.seconds if report.seconds > 0 else 0.0,
            bytes=download.bytes,
            input_tokens=describe.input_tokens,
            output_tokens=describe.output_tokens,
            cost=describe.cost,
        )

    def failed(self, error: Exception) -> None:
        """Write that the run has failed. A foreign error's text is not kept: nobody knows what stands in it."""
        message = str(error) if isinstance(error, PicsumVisionError) else type(error).__name__
        try:
            self._table.end("failed", message=message)
        except Exception as problem:  # noqa: BLE001 - the run's own error is the one to raise
            told = f"image_runs: cannot be written ({type(problem).__name__})"
            self._facts.say(f"{told}; the next run will call this one abandoned")
        if self._mlflow is not None:
            self._mlflow.fail()

    def _measured(self) -> Quality:
        facts = self._facts
        answers = facts.store.read("image_desc")
        return measured(
            facts.store.among("image_codes", facts.asked()),
            answers.where(facts.question.is_of_row(unknown_counts=not facts.config.describe_unknown)),
            AskedLanguage.of(facts.config.task),
            # One that does not know its question may stand beside one that does.
            several_answers=facts.config.on_new_question == "keep_both",
        )
