"""Which MLflow the driver uses, and which version an alias means there: the workers are to load exactly that."""

from __future__ import annotations

import dataclasses
import re
from typing import Any, Final

from picsum_vision.describing.backends import PyFunc, WorkerBackend
from picsum_vision.describing.pyfunc_signature import check_signature, load_error, mlflow_pyfunc
from picsum_vision.redaction import cause, holds_secret

_BY_ALIAS: Final = re.compile(r"models:/([^/@]+)@([^/@]+)")


@dataclasses.dataclass(frozen=True)
class ModelRegistry:
    """The addresses of the tracking server and of the registry; None where the worker's own environment is to say it.

    An address with a login or a key in it does not travel: workers get it as MLFLOW_TRACKING_URI or MLFLOW_REGISTRY_URI.
    """

    tracking_uri: str | None
    registry_uri: str | None

    @classmethod
    def of_this_process(cls) -> ModelRegistry:
        """Return what this process uses; raises MissingExtraError without MLflow."""
        mlflow = _mlflow()
        return cls(_if_not_secret(mlflow.get_tracking_uri()), _if_not_secret(mlflow.get_registry_uri()))

    def use(self) -> None:
        """Make it this process's own."""
        mlflow = _mlflow()
        if self.tracking_uri is not None:
            mlflow.set_tracking_uri(self.tracking_uri)
        if self.registry_uri is not None:
            mlflow.set_registry_uri(self.registry_uri)


def settled(backend: WorkerBackend) -> tuple[WorkerBackend, ModelRegistry | None]:
    """Check on the driver what can be known there of a PyFunc's model; return the backend and where the workers find it.

    Raises ModelProblem, in one line, for a model that is not there or cannot do the work.
    """
    if not isinstance(backend, PyFunc):
        return backend, None
    check_signature(backend)
    return pinned(backend), ModelRegistry.of_this_process()


def pinned(backend: PyFunc) -> PyFunc:
    """Return the backend with the version that its alias means now, so that all workers of a job load the same one.

    A worker process outlives a job and keeps its models: by the alias it would go on with the old version. Raises ModelProblem
    where there is no such model or alias.
    """
    by_alias = _BY_ALIAS.fullmatch(backend.model_uri)
    if by_alias is None:
        return backend
    name, alias = by_alias.groups()
    try:
        version = _mlflow().MlflowClient().get_model_version_by_alias(name, alias).version
    except Exception as error:  # noqa: BLE001 - MLflow raises many types; what matters is which model and why
        raise load_error(backend, error) from cause(error)
    return dataclasses.replace(backend, model_uri=f"models:/{name}/{version}")


def _mlflow() -> Any:
    mlflow_pyfunc()
    import mlflow  # noqa: PLC0415 - an extra

    return mlflow


def _if_not_secret(uri: str) -> str | None:
    return None if holds_secret(uri) else uri
