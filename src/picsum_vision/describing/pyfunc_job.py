"""One image's question to an MLflow model."""

from __future__ import annotations

from picsum_vision.concurrency.job import NOTHING_LEARNT, Feedback, Lane, Turn
from picsum_vision.describing.job import MODEL_POOL, DescribeJob
from picsum_vision.describing.model_registry import ResolvedPyFunc
from picsum_vision.describing.model_thread import ModelFailed, PredictionTimeout
from picsum_vision.describing.pyfunc_model import WaitingBatcher
from picsum_vision.describing.tasks import BadAnswer, Task
from picsum_vision.describing.thoughts import without_thoughts
from picsum_vision.describing.well_formed import well_formed
from picsum_vision.outcomes import DescribeStatus


class PyFuncJob(DescribeJob):
    """Waits for the model's batch."""

    def __init__(self, number: int, image: bytes | None, task: Task, backend: ResolvedPyFunc, model: WaitingBatcher) -> None:
        """Ask `model` about `image`."""
        super().__init__(number, image, task, backend.model_name, Turn(Lane(MODEL_POOL, backend.model_uri)))
        self._model = model

    async def _work(self) -> Feedback:
        self._attempts = 1
        image = self._image or b""
        self._sent_bytes = len(image)
        try:
            text = without_thoughts(well_formed(await self._model.answer(image)))
            answer = self._task.parse(text)
        except PredictionTimeout as late:
            if not late.was_asked:
                self._attempts, self._sent_bytes = 0, 0
            self._settle(DescribeStatus.TIMEOUT, message=str(late))
        except ModelFailed as failed:
            self._settle(DescribeStatus.MODEL_ERROR, message=str(failed))
        except BadAnswer as bad:
            self._settle(DescribeStatus.BAD_SCHEMA, message=bad.with_raw(text))
        else:
            empty = isinstance(answer, str) and not answer and self._task.name != "text"
            self._settle(DescribeStatus.EMPTY_ANSWER if empty else DescribeStatus.OK, answer=answer)
        return NOTHING_LEARNT
