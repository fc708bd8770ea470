"""An MLflow model's signature: whether a column of images can be given to it, and text be had back."""

from __future__ import annotations

from typing import Any, Final

from picsum_vision.describing.backends import PyFunc
from picsum_vision.errors import MissingExtraError, ModelProblem
from picsum_vision.redaction import cause, redact_error

_DEFAULT_COLUMN: Final = "image"
_TEXT: Final = "string"
_BYTES: Final = "binary"


def check_signature(backend: PyFunc) -> None:
    """Read the model's description, without loading it, and refuse one that cannot do the work: ModelProblem, in one line."""
    mlflow_pyfunc()
    from mlflow.models import get_model_info  # noqa: PLC0415 - an extra

    try:
        info = get_model_info(backend.model_uri)
    except Exception as error:  # noqa: BLE001 - MLflow raises many types; what matters is which model and why
        raise load_error(backend, error) from cause(error)
    image_column(backend, info.signature)
    _check_output(backend, info.signature)


def image_column(backend: PyFunc, signature: Any) -> str:
    """Return the name of the column that takes the image's bytes; raises ModelProblem if the signature has none."""
    inputs = _named_types(signature.inputs if signature is not None else None)
    if not inputs:
        return backend.image_column or _DEFAULT_COLUMN
    there = ", ".join(f"{name} {kind}" for name, kind in inputs.items())
    if backend.image_column is not None:
        if backend.image_column not in inputs:
            raise ModelProblem(f"image_column: {backend.model_uri} has no input {backend.image_column!r}; there are: {there}")
        name = backend.image_column
    else:
        if len(inputs) != 1:
            raise ModelProblem(f"image_column: {backend.model_uri} has the inputs {there}; say which one takes the image")
        (name,) = inputs
    others = [str(other) for other in signature.inputs.required_input_names() if str(other) != name]
    if others:
        raise ModelProblem(f"image_column: {backend.model_uri} wants {', '.join(others)} as well; only the image is given to it")
    if inputs[name] != _BYTES:
        raise ModelProblem(f"model_uri: {backend.model_uri} takes {name} as {inputs[name]}; an image is {_BYTES}")
    return name


def load_error(backend: PyFunc, error: Exception) -> ModelProblem:
    """Return the one line for a model that is not there or cannot be loaded."""
    return ModelProblem(f"model_uri: {backend.model_uri} cannot be loaded: {redact_error(error)}")


def mlflow_pyfunc() -> Any:
    """Return MLflow's module; raises MissingExtraError with the command that brings it."""
    try:
        import mlflow.pyfunc  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError("mlflow", "mlflow") from error
    return mlflow.pyfunc


def _check_output(backend: PyFunc, signature: Any) -> None:
    outputs = getattr(signature, "outputs", None)
    if outputs is None or outputs.is_tensor_spec():
        return
    kinds = outputs.input_types()
    first = _word(kinds[0]) if kinds else _TEXT
    if first != _TEXT:
        raise ModelProblem(f"model_uri: {backend.model_uri} answers with {first}; a description is {_TEXT}")


def _named_types(schema: Any) -> dict[str, str]:
    if schema is None or schema.is_tensor_spec() or not schema.has_input_names():
        return {}
    return {str(name): _word(kind) for name, kind in zip(schema.input_names(), schema.input_types(), strict=True)}


def _word(kind: Any) -> str:
    return str(getattr(kind, "name", kind)).lower()
