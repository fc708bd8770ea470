"""The MLflow model that a logged describer is."""

from __future__ import annotations

import json
from typing import Any

import mlflow.pyfunc
import pandas as pd

from picsum_vision.describing.backends import WorkerBackend
from picsum_vision.describing.direct import describe_images
from picsum_vision.describing.tasks import Task
from picsum_vision.options import DescribeOptions

# MLflow loads it lazily, which hides its type.
_PythonModel: Any = mlflow.pyfunc.PythonModel


class DescriberModel(_PythonModel):  # type: ignore[misc]
    """Answers a column of images."""

    def __init__(self, backend: WorkerBackend, task: Task, options: DescribeOptions) -> None:
        """Keep what is asked; no client is made before the first prediction."""
        self._backend = backend
        self._task = task
        self._options = options

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.Series[str]:  # noqa: ARG002
        """Return one answer a row."""
        images = [None if image is None else bytes(image) for image in model_input.iloc[:, 0]]
        jobs = describe_images(self._backend, self._task, self._options, images)
        return pd.Series([_text(job.answer) for job in jobs], dtype=object)


def _text(answer: Any) -> str | None:
    return answer if answer is None or isinstance(answer, str) else json.dumps(answer, ensure_ascii=False, default=str)
