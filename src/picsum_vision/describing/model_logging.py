"""A describer as an MLflow model, for registries, serving endpoints and `mlflow.pyfunc.spark_udf`."""

from __future__ import annotations

import inspect
import io
from typing import TYPE_CHECKING, Any, Final

from picsum_vision._version import __version__
from picsum_vision.describing.backends import AiQuery, BatchChat, PixelDescriber, PyFunc, WorkerBackend, check_backend
from picsum_vision.describing.pixel_extras import extras_needed
from picsum_vision.describing.pyfunc_signature import mlflow_pyfunc
from picsum_vision.describing.tasks import Describe, Task
from picsum_vision.errors import SettingError
from picsum_vision.options import DescribeOptions, check_no_totals
from picsum_vision.validation import check_text

if TYPE_CHECKING:
    from mlflow.models.model import ModelInfo

IMAGE_COLUMN: Final = "image"
_EXAMPLE_SIDE_PX: Final = 16


def log_describer(
    backend: WorkerBackend,
    name: str = "describer",
    *,
    task: Task | None = None,
    options: DescribeOptions | None = None,
    registered_model_name: str | None = None,
) -> ModelInfo:
    """Log a describer as an MLflow model, in the active run if there is one, and return what MLflow says of it.

    The model takes a DataFrame with the BINARY column `image` and gives one STRING a row: the answer, as JSON where the task
    has a typed
    one, and nothing (None) where there is none. It has a signature, an input example and pip requirements. A backend's key
    does not go with it, only where it is read from.

    Parameters
    ----------
    backend
        :class:`PixelDescriber` or :class:`ChatCompletions`.
    name
        The model's name in the run.
    task, options
        What is asked and how, as for :func:`describe`; without bounds of a whole job (`..._total`), for whoever asks the model
        is no part of one.
    registered_model_name
        Under which name it is registered as well: `name`, or `catalog.schema.name` with Unity Catalog
        (`mlflow.set_registry_uri`).

    Raises
    ------
    MissingExtraError
        If MLflow is not installed.
    SettingError
        If a setting is wrong.

    """
    task, options = task or Describe(), options or DescribeOptions()
    if isinstance(backend, (AiQuery, BatchChat, PyFunc)):
        raise SettingError(f"backend: {type(backend).__name__} is not allowed; it must be PixelDescriber or ChatCompletions")
    check_backend(backend, task)
    check_no_totals(options, where="for a logged model")
    check_text("name", name)
    check_text("registered_model_name", registered_model_name, optional=True)
    pyfunc = mlflow_pyfunc()
    import mlflow  # noqa: PLC0415 - an extra

    from picsum_vision.describing.describer_model import DescriberModel  # noqa: PLC0415 - needs MLflow

    named = "name" if "name" in inspect.signature(pyfunc.log_model).parameters else "artifact_path"  # MLflow 2
    has_run = mlflow.active_run() is not None
    try:
        info: ModelInfo = pyfunc.log_model(
            **{named: name},
            python_model=DescriberModel(backend, task, options),
            signature=_signature(),
            input_example=_example(),
            pip_requirements=[_requirement(backend, task)],
            registered_model_name=registered_model_name,
        )
    finally:
        if not has_run:
            mlflow.end_run()  # MLflow 2 begins one for the model, and leaves it open
    return info


def _requirement(backend: WorkerBackend, task: Task) -> str:
    extras = ",".join(extras_needed(backend, task)) if isinstance(backend, PixelDescriber) else ""
    return f"picsum-vision{f'[{extras}]' if extras else ''}=={__version__}"


def _signature() -> Any:
    from mlflow.models import ModelSignature  # noqa: PLC0415 - an extra
    from mlflow.types import ColSpec, DataType, Schema  # noqa: PLC0415

    return ModelSignature(inputs=Schema([ColSpec(DataType.binary, IMAGE_COLUMN)]), outputs=Schema([ColSpec(DataType.string)]))


def _example() -> Any:
    import pandas as pd  # noqa: PLC0415 - only where a model is logged
    from PIL import Image  # noqa: PLC0415

    stream = io.BytesIO()
    Image.new("RGB", (_EXAMPLE_SIDE_PX, _EXAMPLE_SIDE_PX), "steelblue").save(stream, "PNG")
    return pd.DataFrame({IMAGE_COLUMN: [stream.getvalue()]})
