"""One image's way to an answer and its outcome: the part that is the same for every backend of the workers."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Final

from picsum_vision.concurrency.job import NOTHING_LEARNT, Feedback, Lane, Turn
from picsum_vision.outcomes import DescribeOutcome, DescribeStatus
from picsum_vision.redaction import redact_traceback

if TYPE_CHECKING:
    from picsum_vision.describing.tasks import Task

MODEL_POOL: Final = "model"
CPU_POOL: Final = "cpu"
CPU_LANE: Final = Lane(CPU_POOL, "cpu")
_log = logging.getLogger(__name__)


class DescribeJob(ABC):
    """One row's question. `answer` and `outcome` are there once `turn` is None; `answer` is None unless the status is ok."""

    def __init__(self, number: int, image: Any, task: Task, model_name: str, first: Turn) -> None:
        """Take the image of row `number`: bytes, a list of them, or an address; a row without one has its outcome at once."""
        self.number = number
        self.held_bytes = 0
        self.answer: Any = None
        self.outcome: DescribeOutcome | None = None
        self.turn: Turn | None = first
        self._image = image
        self._task = task
        self._model_name = model_name
        self._attempts = 0
        self._started_s: float | None = None
        self._sent_bytes: int | None = None
        if not image or (isinstance(image, (list, tuple)) and not any(image)):
            self._settle(DescribeStatus.NO_IMAGE, message="the image is NULL or empty")

    async def step(self) -> Feedback:
        """Run one step; whatever goes wrong becomes the row's outcome."""
        if self._started_s is None:
            self._started_s = asyncio.get_running_loop().time()
        try:
            return await self._work()
        except Exception as error:  # noqa: BLE001 - the row's outcome says it; a bad row must never fail the task
            _log.warning("unexpected error while describing: %s", redact_traceback(error))
            self._settle(DescribeStatus.INTERNAL, message=f"unexpected {type(error).__name__}")
            return NOTHING_LEARNT

    def let_go(self) -> int:
        """Return that it has taken nothing from a budget."""
        return 0

    @abstractmethod
    async def _work(self) -> Feedback:
        """Run one step and set `turn`, or settle."""

    def _settle(self, status: DescribeStatus, *, answer: Any = None, **facts: Any) -> None:
        """End with a status; `facts` are further fields of the outcome. The image is let go."""
        now_s = asyncio.get_running_loop().time() if self._started_s is not None else 0.0
        self.turn = None
        self._image = None
        self.answer = answer if status is DescribeStatus.OK else None
        self.outcome = DescribeOutcome(
            status=status,
            model=self._model_name,
            task=self._task.name,
            prompt_sha256=self._task.prompt_sha256,
            attempts=self._attempts,
            elapsed_ms=round(1000 * (now_s - (self._started_s or now_s))),
            image_bytes_sent=self._sent_bytes,
            finished_at=dt.datetime.now(dt.timezone.utc),
            **facts,
        )
