"""The suite: warm up, the notebook's method on a share, then each size and stage as often as asked, kept as it goes."""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from picsum_vision.describing.backends import Backend
from picsum_vision.errors import EnvironmentProblem, ModelProblem, PicsumVisionError
from picsum_vision.options import DescribeOptions, DownloadOptions
from picsum_vision.redaction import redact_url
from picsum_vision.sizing.environment import environment
from picsum_vision.sizing.figures import StageFigures
from picsum_vision.sizing.fit import Fit, fit_results, predictions
from picsum_vision.sizing.load import check_list, share_of_images, warm_up_images
from picsum_vision.sizing.model import is_fused
from picsum_vision.sizing.notebook_share import measure_notebook
from picsum_vision.sizing.process_tree import why_not_measured
from picsum_vision.sizing.result import SizeFigures, SizingResult, keep_result_before
from picsum_vision.sizing.settings import SizingConfig
from picsum_vision.sizing.stages import Stages
from picsum_vision.sizing.target import Target, open_target
from picsum_vision.spark.sharing import tasks_at_once

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from picsum_vision.sizing.tracking import Tracking

_PLAIN: Final = (str, bool, int, float, type(None))
# Texts of a backend are addresses, names and places, which may hold a password.
_NUMBERS: Final = (bool, int, float)

Progress = Callable[[str], None]


class Suite:
    """One run of the suite in one session."""

    def __init__(
        self, spark: SparkSession, config: SizingConfig, folder: Path, *, tracking: Tracking, fit: Fit, progress: Progress
    ) -> None:
        """Take what is measured, where results go, and by what constants sizes are predicted before they are measured."""
        self._spark = spark
        self._config = config
        self._folder = folder
        self._tracking = tracking
        self._fit = fit
        self._say = progress
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
            check_list(self._config, target.base_url, share_of_images(self._config, result.settings["demand"]["tasks"]))
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
        self._warm_up(stages)
        measure_notebook(self._spark, self._config, target, self._result, self._say)
        self._keep()
        for images in self._config.sizes:
            self._measure_size(stages, images)

    def _measure_size(self, stages: Stages, images: int) -> None:
        size = SizeFigures(images=images)
        self._result.sizes.append(size)
        status = "FAILED"
        try:
            for number in range(self._config.repeats):
                size.repeats.append({})
                with stages.schema() as where:
                    for stage in self._config.stages:
                        self._say(f"{images:,} images, repeat {number + 1} of {self._config.repeats}: {stage}")
                        figures = stages.measure(stage, where, images)
                        size.repeats[-1][stage] = figures
                        self._keep()
                        self._stop_if_refused(stage, figures)
            status = "FINISHED"
        finally:
            self._tracking.size(size, status)

    def _warm_up(self, stages: Stages) -> None:
        rows = warm_up_images(self._config, self._config.tasks_of(tasks_at_once(self._spark)))
        with stages.schema() as where:
            for stage in self._config.stages:
                self._say(f"warming up with {rows:,} images: {stage}")
                figures = stages.measure(stage, where, rows)
                self._result.cold[stage] = figures
                self._keep()
                self._stop_if_refused(stage, figures)

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
            result.fit = None if fit is None else fit.as_dict()
            self._keep()
            files = write_artefacts(result, self._folder)
        self._tracking.end(result, files)
        if self._has_written:
            self._keep()


def settings_of(config: SizingConfig, target: Target, tasks: int) -> dict[str, Any]:
    """Return what a reader needs to compare two suites; no secret, no password of an address."""
    partitions = config.partitions or tasks
    download, describe = config.download_options, config.describe_options
    demand = {
        "image_latency_s": target.image_latency_s,
        "model_latency_s": target.model_latency_s,
        "tasks": config.tasks_of(tasks),
        "latency_sigma": config.latency_sigma,
        "download_in_flight_per_task": download.max_in_flight_per_task,
        "describe_in_flight_per_task": describe.max_in_flight_per_task,
        "requests_per_second_per_host": download.requests_per_second_per_host_total,
        "requests_per_minute": describe.requests_per_minute_total,
        "tokens_per_minute": describe.tokens_per_minute_total,
        "window_bytes_per_task": download.window_bytes_per_task,
        "max_payload_bytes": describe.max_payload_bytes,
        "checkpoint_interval_s": config.checkpoint_interval_s,
        "is_fused": is_fused(type(target.backend)),
    }
    return {
        "sizes": list(config.sizes),
        "repeats": config.repeats,
        "stages": list(config.stages),
        "partitions": partitions,
        "by": config.by,
        "picture": f"{config.width} x {config.height}",
        "task": config.task.name,
        "prompt_sha256": config.task.prompt_sha256,
        "deduplicate": describe.deduplicate,
        "backend": recorded_backend(target.backend),
        "download": recorded_options(download),
        "describe": recorded_options(describe),
        "target": target.described(),
        "own_servers": {"images": config.own_images, "model": config.own_model},
        "demand": demand,
    }


def recorded_options(options: DownloadOptions | DescribeOptions) -> dict[str, Any]:
    """Return every plain field; headers, whose values may be keys, are none."""
    return _fields(options, _PLAIN)


def recorded_backend(backend: Backend) -> dict[str, Any]:
    """Return the backend's class, the model's name without user and password, and what is set of it in numbers."""
    return {"kind": type(backend).__name__, "model": redact_url(backend.model_name), **_fields(backend, _NUMBERS)}


def _fields(value: Any, kinds: tuple[type[Any], ...]) -> dict[str, Any]:
    values = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return {name: found for name, found in values.items() if isinstance(found, kinds)}
