"""What a model's address means when a job begins, and which MLflow the driver uses: the workers are to load exactly that."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from picsum_vision.describing.backends import TASK_WORDS, Backend, PyFunc, WorkerBackend
from picsum_vision.describing.model_digest import folder_digest, local_path
from picsum_vision.describing.pyfunc_signature import (
    check_output,
    check_params,
    image_column,
    load_error,
    mlflow_pyfunc,
    takes_base64,
    word_columns,
    word_params,
)
from picsum_vision.describing.tasks import Task
from picsum_vision.errors import SettingError
from picsum_vision.redaction import cause, holds_secret, redact_url

_SHOWN_DIGITS: Final = 16


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


@dataclasses.dataclass(frozen=True, kw_only=True)
class ResolvedPyFunc(PyFunc):
    """A PyFunc whose address cannot move, and what its signature takes.

    A registered model's version, or a model's id, is its name in the registry: `digest` is the UUID that MLflow gave it when it
    was saved. Anything else is a folder, here or in a store: `digest` is its content's, and a part of `model_name`.
    """

    answers_as: str
    digest: str
    is_registered: bool
    is_base64: bool
    word_columns: tuple[str, ...]
    word_params: tuple[str, ...]

    @property
    def model_name(self) -> str:
        """What `describe_outcome.model` says."""
        return self.answers_as

    def words(self, task: Task, names: tuple[str, ...]) -> dict[str, str]:
        """Return what these inputs or params are given of the task."""
        return {name: task.full_prompt if name == "prompt" else task.language for name in names}


def settled(backend: WorkerBackend) -> tuple[WorkerBackend, ModelRegistry | None]:
    """Check on the driver what can be known there of a PyFunc's model; return the backend and where the workers find it.

    Raises ModelProblem, in one line, for a model that is not there or cannot do the work.
    """
    if not isinstance(backend, PyFunc):
        return backend, None
    return resolved(backend), ModelRegistry.of_this_process()


def resolved(backend: PyFunc) -> ResolvedPyFunc:
    """Return the backend with what its address means now, so that all workers of a job load the same model.

    A worker process outlives a job and keeps its models: by the address it would go on with the old one. Raises ModelProblem for
    a model that is not there or cannot do the work, SettingError for params that it does not have.
    """
    if isinstance(backend, ResolvedPyFunc):
        return backend
    mlflow = _mlflow()
    is_registered = urlsplit(backend.model_uri).scheme == "models"
    try:
        if is_registered:
            uri = _version_uri(backend.model_uri)
            info = mlflow.models.get_model_info(uri)
            digest, name = str(info.model_uuid), uri
        else:
            uri = local_path(backend.model_uri) or backend.model_uri
            with tempfile.TemporaryDirectory() as scratch:
                folder = model_folder(uri, scratch)
                info = mlflow.models.get_model_info(folder)
                digest = folder_digest(Path(folder))
            name = f"{redact_url(uri) if '://' in uri else uri}@sha256:{digest[:_SHOWN_DIGITS]}"
    except Exception as error:  # noqa: BLE001 - MLflow raises many types; what matters is which model and why
        raise load_error(backend, error) from cause(error)
    signature = info.signature
    column = image_column(backend, signature)
    check_params(backend, signature)
    check_output(backend, signature)
    given = {field.name: getattr(backend, field.name) for field in dataclasses.fields(PyFunc)}
    return ResolvedPyFunc(
        **{**given, "model_uri": uri, "image_column": column},
        answers_as=name,
        digest=digest,
        is_registered=is_registered,
        is_base64=takes_base64(column, signature),
        word_columns=tuple(word_columns(signature)),
        word_params=tuple(word_params(signature)),
    )


def model_folder(uri: str, scratch: str) -> str:
    """Return where the model's files are on this machine; from a store they are copied into `scratch`."""
    if local_path(uri) is not None:
        return uri
    found: str = _mlflow().artifacts.download_artifacts(artifact_uri=uri, dst_path=scratch)
    return found


def sent_task(backend: Backend, task: Task) -> Task:
    """Return the task as the outcome may claim it: of a model that takes no prompt, without one.

    Raises SettingError for a prompt or a language of one's own that the model cannot take.
    """
    if not isinstance(backend, ResolvedPyFunc):
        return task
    taken = (*backend.word_columns, *backend.word_params)
    with_prompt = "prompt" in taken
    for word, own in (("prompt", task.prompt or None), ("language", task.language if task.language != Task.language else None)):
        if own is not None and word not in taken and not (word == "language" and with_prompt):
            raise SettingError(
                f"{word}: {own!r} is not allowed; {backend.model_uri} has no text input and no param named"
                f" {' or '.join(TASK_WORDS[: TASK_WORDS.index(word) + 1])} in its signature: leave it out, or log the model with"
                " one"
            )
    language = backend.words(task, ("language",)) if "language" in taken else {}
    return task.sent_as(with_prompt=with_prompt, as_well=language | ({"params": backend.params} if backend.params else {}))


def _version_uri(uri: str) -> str:
    """Return the address with the version that an alias, a stage or `latest` means now."""
    from mlflow.store.artifact import models_artifact_repo  # noqa: PLC0415 - an extra
    from mlflow.store.artifact.utils import models  # noqa: PLC0415
    from mlflow.utils import uri as uris  # noqa: PLC0415

    # As MLflow does where it loads a model; none of it is typed.
    split: Any = models_artifact_repo.ModelsArtifactRepository.split_models_uri
    profile: Any = uris.get_databricks_profile_uri_from_artifact_uri
    version: Any = models.get_model_name_and_version
    root, path = split(uri)
    found = version(_mlflow().MlflowClient(registry_uri=profile(root)), root)
    host = urlsplit(root).netloc
    return "/".join([f"models://{host}" if host else "models:", *(str(part) for part in found), *([path] if path else [])])


def _mlflow() -> Any:
    mlflow_pyfunc()
    import mlflow  # noqa: PLC0415 - an extra

    return mlflow


def _if_not_secret(uri: str) -> str | None:
    return None if holds_secret(uri) else uri
