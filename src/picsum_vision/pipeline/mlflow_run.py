"""The same of a run as in `image_runs`, as an MLflow run; a tracking server that does not answer costs the job nothing else."""

from __future__ import annotations

import contextlib
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from picsum_vision.errors import MissingExtraError
from picsum_vision.redaction import redact_error
from picsum_vision.run_report import RunReport

_LONGEST_VALUE: Final = 500  # what older tracking servers take of a parameter
# MLflow's own patience is four minutes and more for each request, which is too long for a job that is done but for this.
_PATIENCE: Final = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "15", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2"}
RUN_ID_TAG: Final = "picsum_vision.run_id"


def require_mlflow() -> Any:
    """Return MLflow; raises MissingExtraError where it is not installed."""
    try:
        import mlflow  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError("mlflow", "mlflow") from error
    return mlflow


class MlflowRun:
    """One run in MLflow's experiment: within a run that is open already, as one of its own below it."""

    def __init__(self, run_id: str) -> None:
        """Name the run."""
        self._run_id = run_id
        self._mlflow = require_mlflow()
        self._id: str | None = None
        self._is_there = True

    def begin(self, settings: Mapping[str, Any], versions: Mapping[str, str], abandoned: Sequence[str] = ()) -> None:
        """Log settings as parameters and versions as tags; runs that were found abandoned are ended as killed."""
        self._asked(lambda: self._begin(settings, versions, abandoned))

    def end(self, report: RunReport) -> None:
        """Log the figures as metrics; the run has come to its end, whatever its share."""
        self._asked(lambda: self._end(figures(report), "FINISHED"))

    def fail(self) -> None:
        """Log that the run has failed, if it was logged at all."""
        if self._id is not None:
            self._asked(lambda: self._end({}, "FAILED"))

    def _begin(self, settings: Mapping[str, Any], versions: Mapping[str, str], abandoned: Sequence[str]) -> None:
        mlflow = self._mlflow
        tags = {RUN_ID_TAG: self._run_id} | {f"version.{name}": each for name, each in versions.items()}
        name = f"picsum-vision {self._run_id[:8]}"
        # Started and ended at once, then set running again: so it is in the experiment that the user has chosen, from now on,
        # and yet no active run of this process, which whoever interrupts the job would be left with.
        with mlflow.start_run(run_name=name, nested=mlflow.active_run() is not None, tags=tags) as run:
            mlflow.log_params({name: str(value)[:_LONGEST_VALUE] for name, value in _flat(settings).items()})
        client = mlflow.MlflowClient()
        client.update_run(run.info.run_id, status="RUNNING")
        self._id = run.info.run_id
        for run_id in abandoned:
            for left in client.search_runs([run.info.experiment_id], f"tags.`{RUN_ID_TAG}` = '{run_id}'"):
                client.set_terminated(left.info.run_id, "KILLED")

    def _end(self, metrics: Mapping[str, float], status: str) -> None:
        client = self._mlflow.MlflowClient()
        now_ms = time.time_ns() // 1_000_000
        batch = [self._mlflow.entities.Metric(name, value, now_ms, 0) for name, value in metrics.items()]
        client.log_batch(self._id, metrics=batch)
        client.set_terminated(self._id, status)

    def _asked(self, work: Callable[[], None]) -> None:
        if not self._is_there:
            return
        try:
            # MLflow prints addresses on stdout, where a command's answer stands.
            with _patience(), contextlib.redirect_stdout(sys.stderr):
                work()
        except Exception as error:  # noqa: BLE001 - stores and servers fail in many ways, and none is worth the job's results
            self._is_there = False
            reason = f"{type(error).__name__}: {redact_error(error, at_most=180)}"
            told = f"MLflow does not take this run ({reason}); the tables have it, and the job goes on without"
            warnings.warn(told, stacklevel=3)


@contextlib.contextmanager
def _patience() -> Iterator[None]:
    """Wait for MLflow's server for seconds, unless the user has said otherwise."""
    ours = {name: value for name, value in _PATIENCE.items() if name not in os.environ}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            os.environ.pop(name, None)


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return flat


def figures(report: RunReport) -> dict[str, float]:
    """Return a run's figures by the names of the metrics, without those that it has not."""
    found: dict[str, float | None] = {"rows": report.rows, "ok_share": report.ok_share, "seconds": report.seconds}
    for name, stage in (("download", report.download), ("describe", report.describe)):
        found |= {f"{name}.{status}": number for status, number in stage.by_status.items()}
        found |= {
            f"{name}.images_per_second": stage.images_per_second,
            f"{name}.bytes": stage.bytes,
            f"{name}.skipped": stage.skipped,
            f"{name}.input_tokens": stage.input_tokens,
            f"{name}.output_tokens": stage.output_tokens,
            f"{name}.cost": stage.cost,
        }
    if report.quality is not None:
        found |= {f"quality.{name}": value for name, value in report.quality.as_dict().items()}
    return {name: float(value) for name, value in found.items() if value is not None}
