"""A suite in MLflow: a parent run, a child for each size; the same names of parameters and metrics in all of them.

Runs are addressed by their ids, so that what the user's own MLflow has open is left alone. A tracking server that does not answer
ends the tracking, not the suite: it is said once, and all that was measured is in the folder of the results.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from picsum_vision.errors import MissingExtraError
from picsum_vision.redaction import redact_error, redact_url
from picsum_vision.sizing.figures import STAGES, StageFigures
from picsum_vision.sizing.impatience import impatient, without_patience
from picsum_vision.sizing.store_listens import check_store_listens

if TYPE_CHECKING:
    from picsum_vision.sizing.result import SizeFigures, SizingResult

_LONGEST_VALUE: Final = 500
_METRICS_AT_ONCE: Final = 1_000
_PARAMS_AT_ONCE: Final = 100
_SYSTEM_METRICS_EVERY_S: Final = 2

Say = Callable[[str], None]


class Tracking:
    """Keeps one suite. `uri` None keeps nothing."""

    def __init__(self, uri: str | None, experiment: str, artefacts: Path, say: Say) -> None:
        """Find MLflow; nothing is sent yet. `artefacts` is where a store without a server keeps its files."""
        self._uri = uri
        self._experiment = experiment
        self._artefacts = artefacts
        self._say = say
        self._result: SizingResult | None = None
        self._parent = ""
        self._experiment_id = ""
        self._mlflow = None if uri is None else _mlflow()
        self._client: Any = None
        self._open_runs: list[str] = []

    @contextlib.contextmanager
    def open(self) -> Iterator[Tracking]:
        """Be impatient and quiet as long as the suite runs."""
        if self._mlflow is None:
            yield self
            return
        with impatient():
            try:
                yield self
            finally:
                self._close_the_rest()

    def begin(self, result: SizingResult) -> None:
        """Open the parent run."""
        self._result = result
        if self._mlflow is None or self._uri is None:
            result.tracking = {"uri": None}
            return
        result.tracking = {"uri": redact_url(self._uri), "experiment": self._experiment}
        self._try(self._begin)

    @contextlib.contextmanager
    def size(self, images: int) -> Iterator[Child]:
        """Open a child run for the time of the block."""
        child, status = Child(self, images), "FAILED"
        self._try(child.begin)
        try:
            yield child
            status = "FINISHED"
        finally:
            child.stop_watching()
            self._try(lambda: child.close(status))

    def end(self, result: SizingResult, files: Sequence[Path]) -> None:
        """Keep what the suite came to, and close its run."""
        self._try(lambda: self._end(result, files))

    def _begin(self) -> None:
        assert self._mlflow is not None  # noqa: S101 - begin has looked
        assert self._result is not None  # noqa: S101 - the same
        check_store_listens(self._uri or "")
        self._client = self._mlflow.MlflowClient(tracking_uri=self._uri)
        self._experiment_id = self._experiment_of(self._client)
        result = self._result
        self._parent = self.create_run(f"suite {result.suite}", {"picsum_vision.suite": result.suite})
        self.log_params(self._parent, self._params())
        result.tracking["run_id"] = self._parent

    def _end(self, result: SizingResult, files: Sequence[Path]) -> None:
        for size in result.sizes:
            self.log_metrics(self._parent, {f"images_{size.images}/{name}": value for name, value in size_metrics(size).items()})
        errors = {f"images_{found['images']}/prediction_error": found["error"] for found in result.predictions}
        self.log_metrics(self._parent, {name: value for name, value in errors.items() if value is not None})
        for file in files:
            self._client.log_artifact(self._parent, str(file))
            if file.suffix == ".md":
                self._client.set_tag(self._parent, "mlflow.note.content", file.read_text(encoding="utf-8"))
        if result.problem:
            self._client.set_tag(self._parent, "picsum_vision.problem", result.problem[:_LONGEST_VALUE])
        self.close_run(self._parent, "FAILED" if result.problem else "FINISHED")

    def _experiment_of(self, client: Any) -> str:
        found = client.get_experiment_by_name(self._experiment)
        if found is not None:
            return str(found.experiment_id)
        # Without a server MLflow would put the files beside wherever it happens to run.
        here = self._artefacts.as_uri() if (self._uri or "").startswith("sqlite") else None
        return str(client.create_experiment(self._experiment, artifact_location=here))

    def create_run(self, name: str, tags: Mapping[str, str]) -> str:
        """Return the id of a new run."""
        parent = {"mlflow.parentRunId": self._parent} if self._parent else {}
        run_id = str(self._client.create_run(self._experiment_id, run_name=name, tags={**tags, **parent}).info.run_id)
        self._open_runs.append(run_id)
        return run_id

    def log_params(self, run_id: str, params: Mapping[str, object]) -> None:
        """Keep parameters, as text of a length that every store takes."""
        entities = self._entities()
        made = [entities.Param(name, str(value)[:_LONGEST_VALUE]) for name, value in params.items()]
        for first in range(0, len(made), _PARAMS_AT_ONCE):
            self._client.log_batch(run_id, params=made[first : first + _PARAMS_AT_ONCE])

    def log_metrics(self, run_id: str, metrics: Mapping[str, float], step: int = 0) -> None:
        """Keep figures under their names."""
        now_ms = int(time.time() * 1_000)
        self.log_points(run_id, [(name, value, now_ms, step) for name, value in metrics.items()])

    def log_points(self, run_id: str, points: Sequence[tuple[str, float, int, int]]) -> None:
        """Keep figures of moments: name, value, Unix time in ms, step."""
        entities = self._entities()
        made = [entities.Metric(name, float(value), at_ms, step) for name, value, at_ms, step in points]
        for first in range(0, len(made), _METRICS_AT_ONCE):
            self._client.log_batch(run_id, metrics=made[first : first + _METRICS_AT_ONCE])

    def params_of_suite(self) -> dict[str, object]:
        """Return the suite's parameters, for its children."""
        return self._params()

    def close_run(self, run_id: str, status: str) -> None:
        """End a run."""
        self._client.set_terminated(run_id, status)
        self._open_runs.remove(run_id)

    def _close_the_rest(self) -> None:
        """Close what a failure has left open, children first, as far as the store can be reached: nothing runs any more."""
        with self.patience():
            for run_id in reversed(list(self._open_runs)):
                with contextlib.suppress(Exception):  # that tracking has failed is said already
                    self.close_run(run_id, "FAILED")

    def patience(self) -> contextlib.AbstractContextManager[None]:
        """Return the patience that is left: none for a store that has failed."""
        has_failed = self._result is not None and "problem" in self._result.tracking
        return without_patience() if has_failed else contextlib.nullcontext()

    def system_metrics(self, run_id: str) -> Any:
        """Start MLflow's own watch over this machine's CPU, memory, disk and network; None where it has none that fits."""
        try:
            kind: Any = importlib.import_module("mlflow.system_metrics.system_metrics_monitor").SystemMetricsMonitor
        except ImportError:
            return None
        if "tracking_uri" not in inspect.signature(kind).parameters:
            return None  # older ones write to where the process's own runs go
        monitor = kind(run_id, sampling_interval=_SYSTEM_METRICS_EVERY_S, tracking_uri=self._uri)
        monitor.start()
        return monitor

    def attempt(self, work: Callable[[], object]) -> None:
        """Do what may fail for want of the tracking server."""
        self._try(work)

    def _entities(self) -> Any:
        assert self._mlflow is not None  # noqa: S101 - there is a client
        return self._mlflow.entities

    def _params(self) -> dict[str, object]:
        assert self._result is not None  # noqa: S101 - begin has set it
        return {**_flat(self._result.settings), **_flat({"environment": self._result.environment})}

    def _try(self, work: Callable[[], object]) -> None:
        if self._result is None or self._mlflow is None or self._result.tracking.get("problem"):
            return
        try:
            work()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is not worth the measurements
            reason = redact_error(error, self._uri or "")
            problem = f"{self._result.tracking['uri']} cannot be used ({reason})"
            self._result.tracking["problem"] = problem
            self._say(f"MLflow: {problem}; the results are kept in {self._result.folder} alone")


class Child:
    """The run of one size."""

    def __init__(self, tracking: Tracking, images: int) -> None:
        """Belong to a suite."""
        self._tracking = tracking
        self._images = images
        self._run_id = ""
        self._monitor: Any = None

    def begin(self) -> None:
        """Open the run."""
        tracking = self._tracking
        self._run_id = tracking.create_run(f"{self._images:,} images", {})
        tracking.log_params(self._run_id, {"images": self._images, **tracking.params_of_suite()})
        self._monitor = tracking.system_metrics(self._run_id)

    def stage(self, number: int, stage: str, figures: StageFigures) -> None:
        """Keep one measurement: its figures with the repeat as the step, and how it went on over time for the first repeat."""
        if not self._run_id:
            return
        metrics = {f"repeats/{stage}.{name}": value for name, value in figures.metrics().items()}
        self._tracking.attempt(lambda: self._tracking.log_metrics(self._run_id, metrics, step=number))
        if number == 0:
            self._tracking.attempt(lambda: self._tracking.log_points(self._run_id, _points(stage, figures)))

    def end(self, size: SizeFigures) -> None:
        """Keep the medians, under names without a prefix: the ones to compare."""
        if self._run_id:
            self._tracking.attempt(lambda: self._tracking.log_metrics(self._run_id, size_metrics(size)))

    def stop_watching(self) -> None:
        """End MLflow's watch over the machine, also after a failure: it is a thread of its own."""
        monitor, self._monitor = self._monitor, None
        if monitor is not None:
            with self._tracking.patience(), contextlib.suppress(Exception):  # its last figures are worth no more than that
                monitor.finish()

    def close(self, status: str) -> None:
        """Close the run."""
        if self._run_id:
            self._tracking.close_run(self._run_id, status)


def size_metrics(size: SizeFigures) -> dict[str, float]:
    """Return the medians over the repeats as `stage.figure`, and the spread of the seconds."""
    found = {}
    for stage in STAGES:
        for name in sorted({name for figures in size.of(stage) for name in figures.metrics()}):
            spread = size.spread(stage, name)
            if spread is not None:
                found[f"{stage}.{name}"] = spread.median
        seconds = size.spread(stage)
        if seconds is not None and len(seconds.values) > 1:
            found |= {f"{stage}.seconds_min": seconds.least, f"{stage}.seconds_max": seconds.most}
    return found


def _points(stage: str, figures: StageFigures) -> list[tuple[str, float, int, int]]:
    """Return rows done, rows in work and rows a second at each moment; the step is milliseconds since the stage's start."""
    began_ms = int((time.time() - figures.seconds if figures.began_at_s is None else figures.began_at_s) * 1_000)
    points, before_s, before_rows = [], 0.0, 0
    for second, done, busy in figures.series:
        at_ms, step = began_ms + int(second * 1_000), int(second * 1_000)
        rate = (done - before_rows) / (second - before_s) if second > before_s else 0.0
        points += [
            (f"series/{stage}.rows_done", float(done), at_ms, step),
            (f"series/{stage}.rows_in_work", float(busy), at_ms, step),
            (f"series/{stage}.images_per_second", rate, at_ms, step),
        ]
        before_s, before_rows = second, done
    return points


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        elif value is not None:
            flat[f"{prefix}{name}"] = value
    return flat


def _mlflow() -> Any:
    try:
        import mlflow  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError("mlflow", "bench") from error
    return mlflow
