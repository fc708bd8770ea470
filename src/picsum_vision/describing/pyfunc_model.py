"""An MLflow model in a worker process: loaded once, asked in batches by size, by bytes and by time."""

from __future__ import annotations

import asyncio
import os
import sys
from concurrent.futures import Executor
from typing import Any, Final

from picsum_vision.concurrency.loop_thread import LoopThread
from picsum_vision.describing.backends import PyFunc
from picsum_vision.describing.model_registry import ModelRegistry
from picsum_vision.describing.pyfunc_signature import image_column, load_error, mlflow_pyfunc
from picsum_vision.redaction import cause, redact_error

_THREADS: Final = "OMP_NUM_THREADS"
_THREAD_SETTINGS: Final = ("MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", _THREADS)


class ModelFailed(Exception):  # noqa: N818 - becomes the outcome `model_error`
    """The model raised for this row, or gave no text for it."""


def load_model(backend: PyFunc) -> Any:
    """Load the model with no more CPU threads than the task has cores; raises ModelProblem in one line."""
    threads = os.environ.get(_THREADS, "1")  # Spark sets it to the task's cores
    for setting in _THREAD_SETTINGS:
        os.environ.setdefault(setting, threads)
    pyfunc = mlflow_pyfunc()
    try:
        model = pyfunc.load_model(backend.model_uri)
    except Exception as error:  # noqa: BLE001 - MLflow raises many types; what matters is which model and why
        raise load_error(backend, error) from cause(error)
    if "torch" in sys.modules and threads.isdigit():  # it looks at the environment only when it is first imported
        sys.modules["torch"].set_num_threads(int(threads))
    return model


class WaitingBatcher:
    """Collects the images that arrive while the model is busy into its next batch.

    A batch starts when it is full by number or bytes, or `max_batch_wait_ms` after its first image. One prediction at a time,
    for a model uses all the cores that it may have.
    """

    def __init__(self, backend: PyFunc, model: Any, executor: Executor) -> None:
        """Ask `model` on `executor`."""
        self._backend = backend
        self._model = model
        self._column = image_column(backend, model.metadata.signature if model.metadata is not None else None)
        self._executor = executor
        self._waiting: list[tuple[bytes, asyncio.Future[str]]] = []
        self._waiting_bytes = 0
        self._full: asyncio.Event | None = None
        self._working: asyncio.Task[None] | None = None

    async def answer(self, image: bytes) -> str:
        """Return the model's text for one image; raises ModelFailed."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[str] = loop.create_future()
        self._waiting.append((image, future))
        self._waiting_bytes += len(image)
        if self._full is not None and self._is_full():
            self._full.set()
        if self._working is None or self._working.done():
            self._working = loop.create_task(self._work())
        return await future

    def _is_full(self) -> bool:
        return len(self._waiting) >= self._backend.max_batch_images or self._waiting_bytes >= self._backend.max_batch_bytes

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            await self._fill()
            batch = self._next_batch()
            if not batch:
                continue
            answers: list[str | ModelFailed]
            try:
                answers = await loop.run_in_executor(self._executor, self._predict, [image for image, _ in batch])
            except Exception as error:  # noqa: BLE001 - as of an executor that is shut down: whoever waits must be told
                answers = [_failed(error)] * len(batch)
            for (_, future), answer in zip(batch, answers, strict=True):
                if future.cancelled():
                    continue
                if isinstance(answer, ModelFailed):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)

    async def _fill(self) -> None:
        """Wait until the next batch is full, or for as long as it may wait."""
        if self._is_full() or self._backend.max_batch_wait_ms == 0:
            return
        self._full = asyncio.Event()
        try:
            await asyncio.wait_for(self._full.wait(), self._backend.max_batch_wait_ms / 1000)
        except asyncio.TimeoutError:
            return
        finally:
            self._full = None

    def _next_batch(self) -> list[tuple[bytes, asyncio.Future[str]]]:
        """Take the images that wait longest, as many as a batch holds and at least one; whose row has gone is left out."""
        batch: list[tuple[bytes, asyncio.Future[str]]] = []
        size = 0
        while self._waiting and len(batch) < self._backend.max_batch_images:
            image, future = self._waiting[0]
            if batch and size + len(image) > self._backend.max_batch_bytes:
                break
            del self._waiting[0]
            self._waiting_bytes -= len(image)
            if not future.cancelled():
                batch.append((image, future))
                size += len(image)
        return batch

    def _predict(self, images: list[bytes]) -> list[str | ModelFailed]:
        """Return one answer an image; a batch that raises is halved until the bad image is alone."""
        try:
            return self._predict_together(images)
        except BaseException as error:  # noqa: BLE001 - a model may raise anything, as a panic of Rust; it becomes the row's outcome
            if len(images) == 1 or isinstance(error, _WrongLength):
                return [_failed(error)] * len(images)
            half = len(images) // 2
            return self._predict(images[:half]) + self._predict(images[half:])

    def _predict_together(self, images: list[bytes]) -> list[str | ModelFailed]:
        import numpy as np  # noqa: PLC0415 - only where a model runs
        import pandas as pd  # noqa: PLC0415

        found = self._model.predict(pd.DataFrame({self._column: images}))
        if isinstance(found, pd.DataFrame):
            found = found.iloc[:, 0]
        if not isinstance(found, (list, tuple, pd.Series, np.ndarray)):
            raise _WrongLength(f"the model gave one {type(found).__name__} for {len(images)} images, not one text an image")
        texts = list(found)
        if len(texts) != len(images):
            raise _WrongLength(f"the model gave {len(texts)} answers for {len(images)} images")
        return [
            text if isinstance(text, str) else ModelFailed(f"the model gave {type(text).__name__}, not text") for text in texts
        ]


def _failed(error: BaseException) -> ModelFailed:
    return ModelFailed(f"{type(error).__name__.lstrip('_')}: {redact_error(error, at_most=200)}")


class _WrongLength(ValueError):  # noqa: N818 - its name begins the row's message
    """The answers cannot be told apart; halving the batch would only ask again, as often as there are images."""


def batcher(backend: PyFunc, loop_thread: LoopThread, executor: Executor) -> WaitingBatcher:
    """Return the process's batcher for the model, loading it at the first call. Not to be called on the loop's own thread."""
    key = ("model", backend, ModelRegistry.of_this_process())
    if key not in loop_thread.kept:
        loop_thread.kept[key] = WaitingBatcher(backend, load_model(backend), executor)
    kept: WaitingBatcher = loop_thread.kept[key]
    return kept
