"""An MLflow model in a worker process: loaded once, asked in batches by size, by bytes and by time."""

from __future__ import annotations

import asyncio
import base64
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from picsum_vision.concurrency.loop_thread import LoopThread
from picsum_vision.describing.model_digest import folder_digest
from picsum_vision.describing.model_registry import ModelRegistry, ResolvedPyFunc, model_folder
from picsum_vision.describing.model_thread import ModelFailed, ModelThread, PredictionTimeout
from picsum_vision.describing.pyfunc_answers import WrongAnswers, texts_of
from picsum_vision.describing.pyfunc_signature import load_error, mlflow_pyfunc
from picsum_vision.describing.tasks import Task
from picsum_vision.errors import ModelProblem
from picsum_vision.redaction import cause

_THREADS: Final = "OMP_NUM_THREADS"
_THREAD_SETTINGS: Final = ("MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", _THREADS)


def load_model(backend: ResolvedPyFunc) -> Any:
    """Load the model with no more CPU threads than the task has cores; raises ModelProblem in one line."""
    threads = os.environ.get(_THREADS, "1")  # Spark sets it to the task's cores
    for setting in _THREAD_SETTINGS:
        os.environ.setdefault(setting, threads)
    pyfunc = mlflow_pyfunc()
    try:
        if backend.is_registered:
            model = pyfunc.load_model(backend.model_uri)
            digest = str(model.metadata.model_uuid)
        else:
            # The copy stays: a model may read its files later on. MLflow leaves its own, too.
            folder = model_folder(backend.model_uri, tempfile.mkdtemp(prefix="picsum-vision-model-"))
            digest = folder_digest(Path(folder))
            model = pyfunc.load_model(folder)
    except Exception as error:  # noqa: BLE001 - MLflow raises many types; what matters is which model and why
        raise load_error(backend, error) from cause(error)
    if digest != backend.digest:
        raise ModelProblem(f"model_uri: {backend.model_uri} has changed since the job began; run it again")
    if "torch" in sys.modules and threads.isdigit():  # it looks at the environment only when it is first imported
        sys.modules["torch"].set_num_threads(int(threads))
    return model


def model_thread(backend: ResolvedPyFunc, loop_thread: LoopThread) -> ModelThread:
    """Return the process's model, loading it at the first call. Not to be called on the loop's own thread.

    One that is hung is loaded once more, and no third time: its memory is not given back.
    """
    key = ("model", backend.model_uri, backend.digest, ModelRegistry.of_this_process())
    kept: ModelThread | None = loop_thread.kept.get(key)
    if kept is None or (kept.is_hung and not kept.is_second):
        kept = loop_thread.kept[key] = ModelThread(load_model(backend), is_second=kept is not None)
    return kept


class WaitingBatcher:
    """Collects the images that arrive while the model is busy into its next batch.

    A batch starts when it is full by number or bytes, or `max_batch_wait_ms` after its first image. One prediction at a time,
    for a model uses all the cores that it may have; each may take `timeout_s`.
    """

    def __init__(self, backend: ResolvedPyFunc, task: Task, model: ModelThread, *, timeout_s: float) -> None:
        """Ask `model` what `task` says."""
        self._backend = backend
        self._model = model
        self._timeout_s = timeout_s
        self._words = backend.words(task, backend.word_columns)
        self._params = {**backend.params, **backend.words(task, backend.word_params)} or None
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
        while self._waiting:
            await self._fill()
            batch = self._next_batch()
            if not batch:
                continue
            answers: list[str | ModelFailed]
            try:
                answers = await self._answers([image for image, _ in batch])
            except Exception as error:  # noqa: BLE001 - whatever it is, whoever waits must be told
                answers = [ModelFailed(f"{type(error).__name__}: {error}")] * len(batch)
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

    async def _answers(self, images: list[bytes]) -> list[str | ModelFailed]:
        """Return one answer an image; a batch that raises, or whose answers are unclear, is halved until that image is alone."""
        try:
            return texts_of(await self._model.predict(self._frame(images), self._params, self._timeout_s), len(images))
        except (PredictionTimeout, WrongAnswers) as failure:
            return [failure] * len(images)
        except ModelFailed as failure:
            if len(images) == 1:
                return [failure]
        half = len(images) // 2
        return await self._answers(images[:half]) + await self._answers(images[half:])

    def _frame(self, images: list[bytes]) -> Any:
        import pandas as pd  # noqa: PLC0415 - only where a model runs

        column = [base64.b64encode(image).decode() for image in images] if self._backend.is_base64 else images
        return pd.DataFrame({self._backend.image_column: column}).assign(**self._words)
