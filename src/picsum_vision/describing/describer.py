"""A backend brought to life in a worker."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from picsum_vision.concurrency.job import Lane
from picsum_vision.concurrency.limits import FixedLimit
from picsum_vision.concurrency.loop_thread import LoopThread
from picsum_vision.concurrency.scheduler import LaneState
from picsum_vision.describing.backends import ChatCompletions, PixelDescriber, WorkerBackend
from picsum_vision.describing.chat_client import ChatClient
from picsum_vision.describing.job import CPU_POOL, MODEL_POOL, DescribeJob
from picsum_vision.describing.model_registry import resolved, sent_task
from picsum_vision.describing.pixel_job import PixelJob
from picsum_vision.describing.pyfunc_job import PyFuncJob
from picsum_vision.describing.pyfunc_model import WaitingBatcher, model_thread
from picsum_vision.describing.shares import Shares
from picsum_vision.describing.tasks import Task
from picsum_vision.options import DescribeOptions

# A Spark task has one core; a second thread fills it while the first one waits for the interpreter.
_CPU_THREADS = 2


class Describer:
    """Makes the description jobs of one Spark task. `share` is the task's part of the whole job's bounds."""

    def __init__(
        self,
        backend: WorkerBackend,
        task: Task,
        options: DescribeOptions,
        loop_thread: LoopThread,
        *,
        share: float = 1.0,
        share_of_total: float | None = None,
    ) -> None:
        """Open the backend. `share_of_total` is the part of what is bounded over the whole job.

        Not to be called on the loop's own thread.
        """
        self._options = options
        self._cpu = _kept_threads(loop_thread, "describe-cpu", _CPU_THREADS)
        self._client: ChatClient | None = None
        self._model_slots = options.max_in_flight_per_task
        self.job: Callable[[int, Any], DescribeJob]
        if isinstance(backend, ChatCompletions):
            shares = Shares(of_rate=share, of_total=share if share_of_total is None else share_of_total)
            self._client = ChatClient(backend, task, options, loop_thread, self._cpu, shares)
            self.job = self._client.job
        elif isinstance(backend, PixelDescriber):
            self.job = lambda number, image: PixelJob(
                number, image, task, backend, self._cpu, timeout_s=options.request_timeout_s
            )
        else:
            # One batch is worked on while the next one fills.
            self._model_slots = 2 * backend.max_batch_images
            model = resolved(backend)
            sent = sent_task(model, task)
            batcher = WaitingBatcher(model, sent, model_thread(model, loop_thread), timeout_s=options.request_timeout_s)
            self.job = lambda number, image: PyFuncJob(number, image, sent, model, batcher)

    @property
    def slots(self) -> dict[str, int]:
        """How many steps of each pool may run at once."""
        return {CPU_POOL: _CPU_THREADS, MODEL_POOL: self._model_slots}

    def lane_state(self, lane: Lane) -> LaneState:
        """Return a lane's state."""
        if lane.pool == MODEL_POOL and self._client is not None:
            return self._client.lane_state(lane)
        return LaneState(FixedLimit(self.slots[lane.pool]))


def _kept_threads(loop_thread: LoopThread, name: str, number: int) -> ThreadPoolExecutor:
    """Return the process's threads for this work, made at the first call."""
    if name not in loop_thread.kept:
        loop_thread.kept[name] = ThreadPoolExecutor(number, thread_name_prefix=f"picsum-vision-{name}")
    threads: ThreadPoolExecutor = loop_thread.kept[name]
    return threads
