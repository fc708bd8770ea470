"""An MLflow model in a worker process: loaded once, asked in batches of whatever waits."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor
from typing import Any

from picsum_vision.concurrency.loop_thread import LoopThread
from picsum_vision.describing.backends import PyFunc
from picsum_vision.errors import MissingExtraError, ModelProblem

_DEFAULT_COLUMN = "image"


class ModelFailed(Exception):  # noqa: N818 - becomes the outcome `model_error`
    """The model raised for this row, or gave no text for it."""


def load_model(backend: PyFunc) -> Any:
    """Load the model; raises ModelProblem in one line."""
    try:
        import mlflow.pyfunc  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError("mlflow", "mlflow") from error
    try:
        return mlflow.pyfunc.load_model(backend.model_uri)
    except Exception as error:  # MLflow raises many types; what matters is which model and why
        raise ModelProblem(f"model_uri: {backend.model_uri} cannot be loaded: {' '.join(str(error).split())[:300]}") from error


def image_column(backend: PyFunc, model: Any) -> str:
    """Return the name of the column that takes the image's bytes."""
    if backend.image_column is not None:
        return backend.image_column
    schema = model.metadata.get_input_schema() if model.metadata is not None else None
    names = schema.input_names() if schema is not None and schema.has_input_names() else []
    return str(names[0]) if len(names) == 1 else _DEFAULT_COLUMN


class WaitingBatcher:
    """Collects the images that arrive while the model is busy into its next batch.

    No timer: an idle model starts at once, a busy one finds a fuller batch. One prediction at a time, for a model uses all the
    cores that it may have.
    """

    def __init__(self, backend: PyFunc, model: Any, executor: Executor) -> None:
        """Ask `model` on `executor`."""
        self._backend = backend
        self._model = model
        self._column = image_column(backend, model)
        self._executor = executor
        self._waiting: list[tuple[bytes, asyncio.Future[str]]] = []
        self._working: asyncio.Task[None] | None = None

    async def answer(self, image: bytes) -> str:
        """Return the model's text for one image; raises ModelFailed."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[str] = loop.create_future()
        self._waiting.append((image, future))
        if self._working is None or self._working.done():
            self._working = loop.create_task(self._work())
        return await future

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            size = self._backend.max_batch_images
            batch, self._waiting = self._waiting[:size], self._waiting[size:]
            answers = await loop.run_in_executor(self._executor, self._predict, [image for image, _ in batch])
            for (_, future), answer in zip(batch, answers, strict=True):
                if future.cancelled():
                    continue
                if isinstance(answer, ModelFailed):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)

    def _predict(self, images: list[bytes]) -> list[str | ModelFailed]:
        """Return one answer an image; a batch that raises is halved until the bad image is alone."""
        try:
            return self._predict_together(images)
        except Exception as error:  # noqa: BLE001 - a model may raise anything; it becomes the row's outcome
            if len(images) == 1:
                return [ModelFailed(f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")]
            half = len(images) // 2
            return self._predict(images[:half]) + self._predict(images[half:])

    def _predict_together(self, images: list[bytes]) -> list[str | ModelFailed]:
        import pandas as pd  # noqa: PLC0415 - only where a model runs

        found = self._model.predict(pd.DataFrame({self._column: images}))
        if isinstance(found, pd.DataFrame):
            found = found.iloc[:, 0]
        texts = list(found)
        if len(texts) != len(images):
            raise ValueError(f"the model gave {len(texts)} answers for {len(images)} images")
        return [text if isinstance(text, str) else ModelFailed(f"the model gave {type(text).__name__}, not text") for text in texts]


def batcher(backend: PyFunc, loop_thread: LoopThread, executor: Executor) -> WaitingBatcher:
    """Return the process's batcher for the model, loading it at the first call. Not to be called on the loop's own thread."""
    key = ("model", backend)
    if key not in loop_thread.kept:
        loop_thread.kept[key] = WaitingBatcher(backend, load_model(backend), executor)
    kept: WaitingBatcher = loop_thread.kept[key]
    return kept
