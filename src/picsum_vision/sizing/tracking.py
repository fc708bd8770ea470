"""A suite in MLflow: a parent run, a child for each size; the same names of parameters and metrics in all of them.

Runs are addressed by their ids, so that what the user's own MLflow has open is left alone. A tracking server that does not answer
ends the tracking, not the suite: it is said once, and all that was measured is in the folder of the results.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from picsum_vision.errors import EnvironmentProblem, SettingError
from picsum_vision.pipeline.mlflow_run import MlflowWriter, mlflow_environment, require_mlflow
from picsum_vision.redaction import redact_error, redact_url
from picsum_vision.sizing.figures import STAGES, StageFigures
from picsum_vision.sizing.result import FILE_NAME, read_latest, read_result
from picsum_vision.sizing.tracking_address import tracking_address

if TYPE_CHECKING:
    from picsum_vision.sizing.result import SizeFigures, SizingResult

_LONGEST_VALUE: Final = 500
_RUN_ID: Final = re.compile(r"[0-9a-f]{32}")

Say = Callable[[str], None]


class Tracking:
    """Keeps one suite. `uri` None keeps nothing."""

    def __init__(self, uri: str | None, experiment: str, artefacts: Path, say: Say) -> None:
        """Find MLflow; nothing is sent yet. `artefacts` is where a store without a server keeps its files."""
        self._uri = uri
        self._experiment = experiment
        self._artefacts = artefacts
        self._say = say
        self._writer = None if uri is None else MlflowWriter(uri, self._failed, extra="bench")
        self._result: SizingResult | None = None
        self._params: dict[str, Any] = {}
        self._experiment_id = ""
        self._parent: str | None = None

    def begin(self, result: SizingResult) -> None:
        """Open the parent run."""
        self._result = result
        self._params = {**result.settings, "environment": result.environment}
        result.tracking = {"uri": None}
        if self._writer is not None and self._uri is not None:
            result.tracking = {"uri": redact_url(self._uri), "experiment": self._experiment}
            self._attempt(lambda writer: self._begin(writer, result))

    def size(self, size: SizeFigures, status: str) -> None:
        """Keep a size that was measured, as a run below the suite's: each repeat, the medians, and the first one over time."""
        self._attempt(lambda writer: self._size(writer, size, status))

    def end(self, result: SizingResult, files: Sequence[Path]) -> None:
        """Keep what the suite came to, and close its run, as failed where MLflow has refused something."""
        self._attempt(lambda writer: self._end(writer, result, files))
        if self._writer is not None and self._parent is not None and result.tracking.get("problem"):
            with mlflow_environment(), contextlib.suppress(Exception):  # that tracking has failed is said already
                self._writer.client.set_terminated(self._parent, "FAILED")

    def _attempt(self, work: Callable[[MlflowWriter], object]) -> None:
        writer = self._writer
        if writer is not None:
            writer.attempt(lambda: work(writer))

    def _begin(self, writer: MlflowWriter, result: SizingResult) -> None:
        client = writer.client
        found = client.get_experiment_by_name(self._experiment)
        # Without a server MLflow would put the files beside wherever it happens to run.
        here = self._artefacts.as_uri() if (self._uri or "").startswith("sqlite") else None
        self._experiment_id = (
            client.create_experiment(self._experiment, artifact_location=here) if found is None else found.experiment_id
        )
        self._parent = self._run(writer, f"suite {result.suite}", {"picsum_vision.suite": result.suite})
        writer.log(self._parent, {}, params=self._params)
        result.tracking["run_id"] = self._parent

    def _run(self, writer: MlflowWriter, name: str, tags: Mapping[str, str]) -> str:
        return str(writer.client.create_run(self._experiment_id, run_name=name, tags=tags).info.run_id)

    def _size(self, writer: MlflowWriter, size: SizeFigures, status: str) -> None:
        run_id = self._run(writer, f"{size.images:,} images", {"mlflow.parentRunId": self._parent or ""})
        try:
            writer.log(run_id, size_metrics(size), params={"images": size.images, **self._params})
            for number, repeat in enumerate(size.repeats):
                named = {
                    f"repeats/{stage}.{name}": value
                    for stage, figures in repeat.items()
                    for name, value in figures.metrics().items()
                }
                writer.log(run_id, named, step=number)
            points = [
                writer.mlflow.entities.Metric(*point)
                for stage, figures in (size.repeats[0] if size.repeats else {}).items()
                for point in _points(stage, figures)
            ]
            writer.client.log_batch(run_id, metrics=points)
        except Exception:
            with contextlib.suppress(Exception):  # what was refused first is what is said
                writer.client.set_terminated(run_id, "FAILED")
            raise
        writer.client.set_terminated(run_id, status)

    def _end(self, writer: MlflowWriter, result: SizingResult, files: Sequence[Path]) -> None:
        client, parent = writer.client, self._parent or ""
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
