"""An MLflow model's signature: what takes the image, a prompt, a language and params, and that it answers in text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from picsum_vision.describing.backends import TASK_WORDS, PyFunc
from picsum_vision.errors import MissingExtraError, ModelProblem, SettingError
from picsum_vision.redaction import cause, redact_error

_DEFAULT_COLUMN: Final = "image"
_TEXT: Final = "string"
_BYTES: Final = "binary"
_BASE64: Final = "base64"  # the end of a text column's name


def image_column(backend: PyFunc, signature: Any) -> str:
    """Return the name of the column that takes the image; raises ModelProblem if the signature has none."""
    inputs = _inputs(signature)
    if not inputs:
        return backend.image_column or _DEFAULT_COLUMN
    there = ", ".join(f"{name} {kind}" for name, kind in inputs.items())
    if backend.image_column is not None:
        if backend.image_column not in inputs:
            raise ModelProblem(f"image_column: {backend.model_uri} has no input {backend.image_column!r}; there are: {there}")
        name = backend.image_column
    else:
        images = [name for name, kind in inputs.items() if kind == _BYTES or _is_base64(name, kind)] or list(inputs)
        if len(images) != 1:
            raise ModelProblem(f"image_column: {backend.model_uri} has the inputs {there}; say which one takes the image")
        (name,) = images
    if inputs[name] != _BYTES and not _is_base64(name, inputs[name]):
        raise ModelProblem(
            f"model_uri: {backend.model_uri} takes {name} as {inputs[name]}; an image is {_BYTES}, or a {_TEXT} named"
            f" image_{_BASE64}"
        )
    given = {name, *word_columns(signature)}
    others = [str(other) for other in signature.inputs.required_input_names() if str(other) not in given]
    if others:
        raise ModelProblem(
            f"image_column: {backend.model_uri} wants {', '.join(others)} as well; only the image and texts named"
            f" {' and '.join(TASK_WORDS)} are given to it"
        )
    return name


def takes_base64(column: str, signature: Any) -> bool:
    """Return whether the image's column takes it as a text in base64."""
    return _is_base64(column, _inputs(signature).get(column, _BYTES))


def word_columns(signature: Any) -> list[str]:
    """Return which of the task's words the model takes as a column of texts."""
    inputs = _inputs(signature)
    return [word for word in TASK_WORDS if inputs.get(word) == _TEXT]


def word_params(signature: Any) -> list[str]:
    """Return which of the task's words the model takes as a param."""
    columns, params = word_columns(signature), _params(signature)
    return [word for word in TASK_WORDS if word in params and word not in columns]


def check_params(backend: PyFunc, signature: Any) -> None:
    """Refuse a param that the model does not have, or has with another type: SettingError; MLflow itself leaves it out."""
    there = _params(signature)
    for name, value in backend.params.items():
        if name not in there:
            known = ", ".join(there) or "none"
            raise SettingError(f"params: {backend.model_uri} has no param {name!r} in its signature; there are: {known}")
        try:
            there[name].validate_param_spec(value, there[name])
        except Exception as error:  # noqa: BLE001 - MLflow's own type is an extra's
            raise SettingError(f"params: {name!r} is not allowed: {redact_error(error)}") from cause(error)


def check_output(backend: PyFunc, signature: Any) -> None:
    """Refuse a model that answers with something else than texts: ModelProblem."""
    outputs = getattr(signature, "outputs", None)
    if outputs is None or outputs.is_tensor_spec():
        return
    kinds = outputs.input_types()
    first = _word(kinds[0]) if kinds else _TEXT
    if first != _TEXT:
        raise ModelProblem(f"model_uri: {backend.model_uri} answers with {first}; a description is {_TEXT}")


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


def _is_base64(name: str, kind: str) -> bool:
    return kind == _TEXT and name.lower().endswith(_BASE64)


def _params(signature: Any) -> Mapping[str, Any]:
    schema = getattr(signature, "params", None)
    return {param.name: param for param in schema.params} if schema is not None else {}


def _inputs(signature: Any) -> dict[str, str]:
    schema = getattr(signature, "inputs", None)
    if schema is None or schema.is_tensor_spec() or not schema.has_input_names():
        return {}
    return {str(name): _word(kind) for name, kind in zip(schema.input_names(), schema.input_types(), strict=True)}


def _word(kind: Any) -> str:
    return str(getattr(kind, "name", kind)).lower()
