"""A loaded model in a worker process, and the thread in which it is asked."""

from __future__ import annotations

import asyncio
import queue
import threading
from concurrent.futures import Future
from typing import Any, Final

from picsum_vision.redaction import redact_error

_LONGEST_MESSAGE: Final = 200


class ModelFailed(Exception):  # noqa: N818 - becomes the outcome `model_error`
    """The model raised for this row, or gave no text for it."""


class PredictionTimeout(ModelFailed):  # becomes the outcome `timeout`
    """The model had not answered after `request_timeout_s`; `was_asked` tells whether about this row."""

    def __init__(self, message: str, *, was_asked: bool) -> None:
        """Say what was waited for."""
        super().__init__(message)
        self.was_asked = was_asked


class ModelThread:
    """Asks a model for one prediction at a time, and waits for each no longer than its time.

    A thread cannot be stopped, so a prediction that takes longer goes on behind its rows, which are `timeout`. The states:

    - free: no prediction is under way.
    - busy: one is, within its time.
    - overdue: its time is up. The next prediction waits for the model as long again; if it comes back, it is free.
    - hung: it has not. Whatever is asked fails at once, until it comes back after all.

    What always holds: a model is never in two predictions at once, and an answer that comes late is given to no row. Only the
    event loop changes the state. The thread is a daemon: a worker that Spark ends does not wait for the model.
    """

    def __init__(self, model: Any, *, is_second: bool = False) -> None:
        """Take a loaded model; `is_second` if it replaces one that is hung."""
        self.is_second = is_second
        self._model = model
        self._turn = asyncio.Lock()
        self._wanted: queue.SimpleQueue[tuple[Future[Any], tuple[Any, ...]] | None] = queue.SimpleQueue()
        self._last: Future[Any] | None = None
        self._has_hung = False
        threading.Thread(target=self._work, name="picsum-vision-model", daemon=True).start()

    @property
    def is_hung(self) -> bool:
        """Whether the model has not come back from a prediction for twice its time."""
        return self._has_hung and not self._is_free

    async def predict(self, data: Any, params: dict[str, Any] | None, timeout_s: float) -> Any:
        """Return what the model answers; raises ModelFailed for whatever it raises, and PredictionTimeout."""
        async with self._turn:
            if not self._is_free:
                self._has_hung = self._has_hung or not await self._is_back_in(timeout_s)
                if self._has_hung:
                    raise PredictionTimeout(
                        "not asked: the model has not come back from an earlier prediction (request_timeout_s:"
                        f" {timeout_s:g} s); look for what it waits for, or allow more time",
                        was_asked=False,
                    )
            self._has_hung = False
            self._last = Future()
            self._wanted.put((self._last, (data, params)))
            if not await self._is_back_in(timeout_s):
                raise PredictionTimeout(
                    f"no answer to {len(data):,} images in {timeout_s:g} s (request_timeout_s); allow more time, or ask about"
                    " fewer at once (max_batch_images)",
                    was_asked=True,
                )
            answer, failure = self._last.result()
        if failure is not None:
            raise failure
        return answer

    async def close(self) -> None:
        """End the thread once it has nothing to do."""
        self._wanted.put(None)

    @property
    def _is_free(self) -> bool:
        return self._last is None or self._last.done()

    async def _is_back_in(self, timeout_s: float) -> bool:
        assert self._last is not None  # noqa: S101 - the callers'
        await asyncio.wait({asyncio.wrap_future(self._last)}, timeout=timeout_s)
        return self._last.done()

    def _work(self) -> None:
        while (wanted := self._wanted.get()) is not None:
            future, arguments = wanted
            future.set_running_or_notify_cancel()  # from now on nobody can cancel it
            try:
                future.set_result((self._model.predict(*arguments), None))
            except BaseException as error:  # noqa: BLE001 - a model may raise anything, as a panic of Rust; it becomes the row's outcome
                told = redact_error(error, at_most=_LONGEST_MESSAGE)
                future.set_result((None, ModelFailed(f"{type(error).__name__}: {told}")))
