"""The same of a run as in `image_runs`, as an MLflow run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from picsum_vision.config import PipelineConfig
from picsum_vision.errors import MissingExtraError
from picsum_vision.pipeline.run_settings import kept_settings
from picsum_vision.run_report import RunReport

_LONGEST_VALUE: Final = 500  # what MLflow's stores take of a parameter


def require_mlflow() -> Any:
    """Return MLflow; raises MissingExtraError where it is not installed."""
    try:
        import mlflow  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError("mlflow", "mlflow") from error
    return mlflow


def log_run(report: RunReport, config: PipelineConfig, versions: Mapping[str, str]) -> None:
    """Log settings as parameters, figures as metrics, versions as tags; within a run that is open already, as one of its own."""
    mlflow = require_mlflow()
    with mlflow.start_run(run_name=f"picsum-vision {report.run_id[:8]}", nested=mlflow.active_run() is not None):
        mlflow.set_tags({"picsum_vision.run_id": report.run_id} | {f"version.{name}": each for name, each in versions.items()})
        mlflow.log_params({name: str(value)[:_LONGEST_VALUE] for name, value in _flat(kept_settings(config)).items()})
        mlflow.log_metrics(_figures(report))


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return flat


def _figures(report: RunReport) -> dict[str, float]:
    figures: dict[str, float | None] = {"rows": report.rows, "ok_share": report.ok_share, "seconds": report.seconds}
    for name, stage in (("download", report.download), ("describe", report.describe)):
        figures |= {f"{name}.{status}": number for status, number in stage.by_status.items()}
        figures |= {
            f"{name}.images_per_second": stage.images_per_second,
            f"{name}.bytes": stage.bytes,
            f"{name}.skipped": stage.skipped,
            f"{name}.input_tokens": stage.input_tokens,
            f"{name}.output_tokens": stage.output_tokens,
            f"{name}.cost": stage.cost,
        }
    return {name: float(value) for name, value in figures.items() if value is not None}
