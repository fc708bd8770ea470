"""A suite in MLflow: a parent run, a child for each size; the same names of parameters and metrics in all of them.

Runs are addressed by their ids, so that what the user's own MLflow has open is left alone. A tracking server that does not answer
ends the tracking, not the suite: it is said once, and all that was measured is in the folder of the results.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

from picsum_vision.errors import EnvironmentProblem, SettingError
from picsum_vision.pipeline.mlflow_run import MlflowWriter, flat, mlflow_environment, require_mlflow
from picsum_vision.redaction import redact_error, redact_url
from picsum_vision.sizing.places import tracking_address
from picsum_vision.sizing.result import FILE_NAME, STAGES, SizeFigures, SizingResult, StageFigures, read_latest, read_result

_LONGEST_VALUE: Final = 500
_RUN_ID: Final = re.compile(r"[0-9a-f]{32}")

Say = Callable[[str], None]


class Tracking:
    """Keeps one suite. `uri` None keeps nothing."""

    def __init__(self, uri: str | None, experiment: str, artefacts: Path, say: Say) -> None:
        """Find MLflow; nothing is sent yet. `artefacts` is where a store without a server keeps its files."""
        self._uri = uri or ""
        self._experiment = experiment
        self._artefacts = artefacts
        self._say = say
        self._writer = None if uri is None else MlflowWriter(uri, self._failed, extra="bench")
        self._result: SizingResult | None = None
        self._params: dict[str, Any] = {}
        self._experiment_id = ""
        self._parent = ""

    def begin(self, result: SizingResult) -> None:
        """Open the parent run."""
        self._result = result
        self._params = {**result.settings, "environment": result.environment}
        result.tracking = {"uri": None}
        if self._writer is not None:
            result.tracking = {"uri": redact_url(self._uri), "experiment": self._experiment}
        self._attempt(self._begin, result)

    def size(self, size: SizeFigures, status: str) -> None:
        """Keep a size that was measured, as a run below the suite's: each repeat, the medians, and the first one over time."""
        self._attempt(self._size, size, status)

    def end(self, result: SizingResult, files: Sequence[Path]) -> None:
        """Keep what the suite came to, and close its run, as failed where MLflow has refused something."""
        self._attempt(self._end, result, files)
        if self._writer is not None and self._parent and result.tracking.get("problem"):
            with mlflow_environment():
                self._close(self._writer, self._parent)

    def _attempt(self, work: Callable[..., None], *what: Any) -> None:
        writer = self._writer
        if writer is not None:
            writer.attempt(lambda: work(writer, *what))

    def _begin(self, writer: MlflowWriter, result: SizingResult) -> None:
        client = writer.client
        found = client.get_experiment_by_name(self._experiment)
        # Without a server MLflow would put the files beside wherever it happens to run.
        here = self._artefacts.as_uri() if self._uri.startswith("sqlite") else None
        self._experiment_id = (
            client.create_experiment(self._experiment, artifact_location=here) if found is None else found.experiment_id
        )
        self._parent = self._run(writer, f"suite {result.suite}", {"picsum_vision.suite": result.suite})
        writer.log(self._parent, {}, params=self._params)
        result.tracking["run_id"] = self._parent

    def _run(self, writer: MlflowWriter, name: str, tags: Mapping[str, str]) -> str:
        return str(writer.client.create_run(self._experiment_id, run_name=name, tags=tags).info.run_id)

    def _size(self, writer: MlflowWriter, size: SizeFigures, status: str) -> None:
        run_id = self._run(writer, f"{size.images:,} images", {"mlflow.parentRunId": self._parent})
        try:
            writer.log(run_id, size_metrics(size), params={"images": size.images, **self._params})
            for number, repeat in enumerate(size.repeats):
                metrics = {stage: figures.metrics() for stage, figures in repeat.items()}
                writer.log(run_id, flat(metrics, "repeats/"), step=number)
            first = size.repeats[0] if size.repeats else {}
            points = [point for stage, figures in first.items() for point in _points(stage, figures)]
            writer.client.log_batch(run_id, metrics=[writer.mlflow.entities.Metric(*point) for point in points])
        except Exception:
            self._close(writer, run_id)
            raise
        writer.client.set_terminated(run_id, status)

    def _close(self, writer: MlflowWriter, run_id: str) -> None:
        with contextlib.suppress(Exception):  # what was refused first is what is said
            writer.client.set_terminated(run_id, "FAILED")

    def _end(self, writer: MlflowWriter, result: SizingResult, files: Sequence[Path]) -> None:
        client, parent = writer.client, self._parent
        figures = {f"images_{size.images}/{name}": value for size in result.sizes for name, value in size_metrics(size).items()}
        errors = {f"images_{found['images']}/prediction_error": found["error"] for found in result.predictions}
        writer.log(parent, figures | {name: value for name, value in errors.items() if value is not None})
        for file in files:
            client.log_artifact(parent, str(file))
            if file.suffix == ".md":
                client.set_tag(parent, "mlflow.note.content", file.read_text(encoding="utf-8"))
        if result.problem:
            client.set_tag(parent, "picsum_vision.problem", result.problem[:_LONGEST_VALUE])
        client.set_terminated(parent, "FAILED" if result.problem else "FINISHED")

    def _failed(self, reason: str) -> None:
        if self._result is not None:
            problem = f"{self._result.tracking['uri']} cannot be used ({reason})"
            self._result.tracking["problem"] = problem
            self._say(f"MLflow: {problem}; the results are kept in {self._result.folder} alone")


def find_result(run: str, tracking_uri: str | None, folder: Path) -> SizingResult:
    """Return the result that `run` names: a file, a folder, a suite's id in `folder`, or the id of a suite's MLflow run."""
    kept = folder / f"sizing-{run}.json"
    if kept.is_file():
        return read_result(kept)
    latest = read_latest(folder)
    if latest is not None and latest.suite == run:
        return latest
    if not _RUN_ID.fullmatch(run) or Path(run).exists():
        return read_result(run)
    uri = tracking_address(tracking_uri, folder, must_exist=True)
    mlflow, shown = require_mlflow("bench"), redact_url(uri)
    with mlflow_environment(), tempfile.TemporaryDirectory() as place:
        try:
            client = mlflow.MlflowClient(tracking_uri=uri)
            client.get_run(run)
        except Exception as error:  # MLflow's own, and those of databases' drivers
            reason = redact_error(error, uri, at_most=200)
            if isinstance(error, mlflow.exceptions.MlflowException) and "not found" in reason.lower():
                raise SettingError(f"run: {run!r} is not in {shown}; --tracking-uri names another store") from error
            raise EnvironmentProblem(f"tracking_uri: {shown} cannot be used ({reason})") from error
        try:
            return read_result(client.download_artifacts(run, FILE_NAME, place))
        except (mlflow.exceptions.MlflowException, OSError) as error:
            raise SettingError(f"run: {run!r} in {shown} is no suite: give the parent run, which has {FILE_NAME}") from error


def size_metrics(size: SizeFigures) -> dict[str, float]:
    """Return the medians over the repeats as `stage.figure`, and the spread of the seconds."""
    found: dict[str, float] = {}
    for stage in STAGES:
        figures = size.figures(stage)
        found |= {f"{stage}.{name}": median(values) for name, values in sorted(figures.items())}
        seconds = figures.get("seconds", [])
        if len(seconds) > 1:
            found |= {f"{stage}.seconds_min": min(seconds), f"{stage}.seconds_max": max(seconds)}
    return found


def _points(stage: str, figures: StageFigures) -> Iterator[tuple[str, float, int, int]]:
    """Give rows done, rows in work and rows a second at each moment; the step is milliseconds since the stage's start."""
    began_ms = int((time.time() - figures.seconds if figures.began_at_s is None else figures.began_at_s) * 1_000)
    before_s, before_rows = 0.0, 0
    for second, done, busy in figures.series:
        step = int(second * 1_000)
        rate = (done - before_rows) / (second - before_s) if second > before_s else 0.0
        for name, value in (("rows_done", float(done)), ("rows_in_work", float(busy)), ("images_per_second", rate)):
            yield f"series/{stage}.{name}", value, began_ms + step, step
        before_s, before_rows = second, done
