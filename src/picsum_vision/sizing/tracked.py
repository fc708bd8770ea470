"""A result by the id of its MLflow run, or by its file."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Final

from picsum_vision.errors import EnvironmentProblem, MissingExtraError, SettingError
from picsum_vision.redaction import cause, redact_error, redact_url
from picsum_vision.sizing.impatience import impatient
from picsum_vision.sizing.result import FILE_NAME, SizingResult, read_latest, read_result
from picsum_vision.sizing.store_listens import check_store_listens
from picsum_vision.sizing.tracking_address import address_to_read

_RUN_ID: Final = re.compile(r"[0-9a-f]{32}")


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
    uri = address_to_read(tracking_uri, folder)
    with impatient():
        return _from_mlflow(run, uri)


def _from_mlflow(run_id: str, uri: str) -> SizingResult:
    try:
        import mlflow  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError("mlflow", "bench") from error
    shown = redact_url(uri)
    try:
        check_store_listens(uri)
        client = mlflow.MlflowClient(tracking_uri=uri)
        client.get_run(run_id)
    except Exception as error:  # noqa: BLE001 - raised again: MLflow's own, and those of databases' drivers
        message = redact_error(error, uri, at_most=200)
        if isinstance(error, mlflow.exceptions.MlflowException) and "not found" in message.lower():
            raise SettingError(f"run: {run_id!r} is not in {shown}; --tracking-uri names another store") from cause(error)
        raise EnvironmentProblem(f"tracking_uri: {shown} cannot be used ({message})") from cause(error)
    with tempfile.TemporaryDirectory() as place:
        try:
            return read_result(client.download_artifacts(run_id, FILE_NAME, place))
        except (mlflow.exceptions.MlflowException, OSError) as error:
            raise SettingError(f"run: {run_id!r} in {shown} is no suite: give the parent run, which has {FILE_NAME}") from cause(
                error
            )
