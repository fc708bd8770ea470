"""Runs in MLflow: a job's own, and those of a sizing suite. A store that fails is said once and costs the work nothing else."""

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
# MLflow's own patience is four minutes and more for each request.
_PATIENCE: Final = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "15", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2"}
# The URL that it prints of each run may have a password in it.
_QUIET: Final = {"MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true"}
RUN_ID_TAG: Final = "picsum_vision.run_id"


def require_mlflow(extra: str = "mlflow") -> Any:
    """Return MLflow; raises MissingExtraError where it is not installed."""
    try:
        import mlflow  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError("mlflow", extra) from error
    return mlflow


class MlflowWriter:
    """Writes runs to the store `uri`, None for the process's own; after the first failure it writes nothing more."""

    def __init__(self, uri: str | None, on_failure: Callable[[str], None], extra: str = "mlflow") -> None:
        """Find MLflow; nothing is sent yet. `on_failure` is given the reason, without secrets."""
        self.mlflow = require_mlflow(extra)
        self._uri = uri
        self._on_failure = on_failure
        self._has_failed = False

    @property
    def client(self) -> Any:
        """MLflow's client of the store."""
        return self.mlflow.MlflowClient(tracking_uri=self._uri)

    def attempt(self, work: Callable[[], object]) -> None:
        """Do what may fail for want of the store."""
        if self._has_failed:
            return
        try:
            with mlflow_environment():
                work()
        except Exception as error:  # noqa: BLE001 - stores and servers fail in many ways, and none is worth the work's results
            self._has_failed = True
            self._on_failure(f"{type(error).__name__}: {redact_error(error, self._uri or '', at_most=180)}")

    def log(self, run_id: str, metrics: Mapping[str, float], step: int = 0, params: Mapping[str, Any] | None = None) -> None:
        """Write figures and nested settings, in as many requests as they take."""
        entities, now_ms = self.mlflow.entities, time.time_ns() // 1_000_000
        batch = [entities.Metric(name, float(value), now_ms, step) for name, value in metrics.items()]
        settings = [entities.Param(name, str(value)[:_LONGEST_VALUE]) for name, value in flat(params or {}).items()]
        self.client.log_batch(run_id, metrics=batch, params=settings)


class MlflowRun:
    """A job's run in MLflow's experiment: within a run that is open already, as one of its own below it."""

    def __init__(self, run_id: str) -> None:
        """Name the run."""
        self._run_id = run_id
        self._writer = MlflowWriter(None, _warn)
        self._id: str | None = None

    def begin(self, settings: Mapping[str, Any], versions: Mapping[str, str], abandoned: Sequence[str] = ()) -> None:
        """Log settings as parameters and versions as tags; runs that were found abandoned are ended as killed."""
        self._writer.attempt(lambda: self._begin(settings, versions, abandoned))

    def end(self, report: RunReport) -> None:
        """Log the figures as metrics; the run has come to its end, whatever its share."""
        self._writer.attempt(lambda: self._end(figures(report), "FINISHED"))

    def fail(self) -> None:
        """Log that the run has failed, if it was logged at all."""
        if self._id is not None:
            self._writer.attempt(lambda: self._end({}, "FAILED"))

    def _begin(self, settings: Mapping[str, Any], versions: Mapping[str, str], abandoned: Sequence[str]) -> None:
        mlflow, client = self._writer.mlflow, self._writer.client
        tags = {RUN_ID_TAG: self._run_id} | {f"version.{name}": each for name, each in versions.items()}
        name = f"picsum-vision {self._run_id[:8]}"
        # Started and ended at once, then set running again: so it is in the experiment that the user has chosen, from now on,
        # and yet no active run of this process, which whoever interrupts the job would be left with.
        with mlflow.start_run(run_name=name, nested=mlflow.active_run() is not None, tags=tags) as run:
            self._writer.log(run.info.run_id, {}, params=settings)
        client.update_run(run.info.run_id, status="RUNNING")
        self._id = run.info.run_id
        for run_id in abandoned:
            for left in client.search_runs([run.info.experiment_id], f"tags.`{RUN_ID_TAG}` = '{run_id}'"):
                client.set_terminated(left.info.run_id, "KILLED")

    def _end(self, metrics: Mapping[str, float], status: str) -> None:
        if self._id is not None:
            self._writer.log(self._id, metrics)
            self._writer.client.set_terminated(self._id, status)


def _warn(reason: str) -> None:
    warnings.warn(f"MLflow does not take this run ({reason}); the tables have it, and the job goes on without", stacklevel=5)


@contextlib.contextmanager
def mlflow_environment() -> Iterator[None]:
    """Wait for MLflow's server for seconds, unless the environment says otherwise, and keep what it prints off stdout."""
    ours = {name: value for name, value in _PATIENCE.items() if name not in os.environ} | _QUIET
    before = {name: os.environ.get(name) for name in ours}
    os.environ.update(ours)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested settings under names with points."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return found


def figures(report: RunReport) -> dict[str, float]:
    """Return a run's figures by the names of the metrics, without those that it has not."""
    found: dict[str, float | None] = {"rows": report.rows, "ok_share": report.ok_share, "seconds": report.seconds}
    for name, stage in (("download", report.download), ("describe", report.describe)):
        found |= {f"{name}.{status}": number for status, number in stage.by_status.items()}
        numbers = ("images_per_second", "bytes", "skipped", "input_tokens", "output_tokens", "cost")
        found |= {f"{name}.{number}": getattr(stage, number) for number in numbers}
    if report.quality is not None:
        found |= {f"quality.{name}": value for name, value in report.quality.as_dict().items()}
    return {name: float(value) for name, value in found.items() if value is not None}
