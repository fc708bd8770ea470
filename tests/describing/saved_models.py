"""Real MLflow models, saved with the code that a test gives them."""

from __future__ import annotations

import contextlib
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_CODE = """
import time
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd

class Model(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        with Path(r"{log}").open("a") as log:
            log.write("loaded\\n")

    def predict(self, context, model_input, params=None):
        images = list(model_input.iloc[:, 0])
        with Path(r"{log}").open("a") as log:
            log.write(str(len(images)) + "\\n")
        {body}

mlflow.models.set_model(Model())
"""


def saved(
    folder: Path,
    body: str,
    *,
    inputs: str | None = "image binary",
    output: str = "string",
    params: Mapping[str, Any] | None = None,
    name: str = "model",
) -> str:
    """Save a model whose predict has this body, in the place of one that is there, and return its address.

    `inputs` are names and types, a `?` after the type for one that may be missing; None: no signature. `params` are names and
    defaults. What the model does is in `log_of(folder)`.
    """
    shutil.rmtree(folder / name, ignore_errors=True)
    keep_model(folder, body, signature=signature_of(inputs, output, params), path=str(folder / name))
    return str(folder / name)


def keep_model(folder: Path, body: str, *, signature: Any = None, path: str | None = None, **logged: Any) -> Any:
    """Save the model under a path, or log it as MLflow's `log_model` does with these arguments."""
    import mlflow

    in_a_run = contextlib.nullcontext() if path or mlflow.active_run() else mlflow.start_run()
    code = folder / "model_code.py"
    code.write_text(_CODE.format(log=folder / "log", body=body))
    arguments = {"python_model": str(code), "signature": signature, "pip_requirements": []}
    with in_a_run, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return mlflow.pyfunc.save_model(path, **arguments) if path else mlflow.pyfunc.log_model("model", **arguments, **logged)


def signature_of(inputs: str | None = "image binary", output: str = "string", params: Mapping[str, Any] | None = None) -> Any:
    """Return a signature, None for none."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema

    if inputs is None:
        return None
    kinds = {str: "string", int: "long", float: "double", bool: "boolean"}
    columns = [entry.split() for entry in inputs.split(", ")]
    return ModelSignature(
        inputs=Schema([ColSpec(DataType[kind.rstrip("?")], name, required=not kind.endswith("?")) for name, kind in columns]),
        outputs=Schema([ColSpec(DataType[output])]),
        params=ParamSchema([ParamSpec(name, kinds[type(value)], value) for name, value in params.items()]) if params else None,
    )


def log_of(folder: Path) -> list[str]:
    """Return what the model wrote down: that it was loaded, and how many images each prediction had."""
    return (folder / "log").read_text().split()
