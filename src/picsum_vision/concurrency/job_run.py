"""Jobs in from one thread, finished jobs back to it, while the event loop works in another."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, Generic, Protocol, TypeVar

from picsum_vision.concurrency.byte_budget import ByteBudget
from picsum_vision.concurrency.job import Job, Lane
from picsum_vision.concurrency.loop_thread import LoopThread
from picsum_vision.concurrency.scheduler import LaneState, Scheduler
from picsum_vision.concurrency.stop_clock import StopClock

_COLLECT_ROWS: Final = 1_000
_COLLECT_BYTES: Final = 4_000_000
_COLLECT_WAIT_S: Final = 0.25
# While slots are idle because the hosts of all waiting rows are slow, rows of other hosts are looked for further ahead.
_LOOK_FURTHER: Final = 20


class RowJob(Job, Protocol):
    """A job for one row: `number` counts the rows of a run from 0."""

    @property
    def number(self) -> int:
        """The row's number."""
        ...

    @property
    def held_bytes(self) -> int:
        """What the job has taken from the byte budget."""
        ...

    def let_go(self) -> int:
        """Hold no bytes any more, and return how many they were; whoever asks gives them back to the budget."""
        ...


J = TypeVar("J", bound=RowJob)


class _ByteGate:
    """Lets a row begin where its bytes will probably fit, and where what comes after it keeps up."""

    def __init__(self, budget: ByteBudget, may_begin: Callable[[], bool]) -> None:
        self._budget = budget
        self._may_begin = may_begin

    def admits(self, job: Any) -> bool:
        return self._may_begin() and self._budget.may_begin(job.number)

    def has_exception(self) -> bool:
        return self._budget.first_in_line is not None

    def begin(self, job: Any) -> None:
        self._budget.begin(job.number)

    def end(self, job: Any) -> None:
        self._budget.end(job.number)


class JobRun(Generic[J]):
    """One task's jobs.

    States: taking rows -> stopped (no further row begins) -> released (only running steps are waited for) -> empty. The last two
    are for a run with :meth:`stop_after`; a job that comes back unfinished still has a `turn`.

    The caller's thread submits jobs while there is `room`, and `collect`s what is finished. It is woken for a batch that is worth
    it (rows or bytes), when more input is wanted, or after a quarter of a second, not for every job.
    """

    def __init__(
        self,
        loop_thread: LoopThread,
        *,
        slots: Mapping[str, int],
        lane_state: Callable[[Lane], LaneState],
        budget: ByteBudget,
        look_ahead: int,
        holding_pools: Collection[str] = (),
        opens_all_at_end: bool = True,
        may_begin: Callable[[], bool] = lambda: True,
        on_left: Callable[[J], None] = lambda _: None,
    ) -> None:
        """Run jobs on `loop_thread`; `look_ahead` is how many unfinished jobs are wanted.

        The steps of `holding_pools` take bytes from the budget: they begin only where they will probably get them. While
        slots of those are idle, more than `look_ahead` jobs are wanted. While `may_begin` is false none of them begins; once it
        is true again, :meth:`refill` is to be called. `on_left` is told of each job that comes
        back unfinished. With `opens_all_at_end`, once all jobs are submitted
        their first steps come before the further steps of others.
        """
        self._loop = loop_thread.loop
        self._loop_thread = loop_thread
        self._budget = budget
        self._look_ahead = look_ahead
        self._may_begin = may_begin
        self._on_left = on_left
        self._clock: StopClock | None = None
        self.is_stopped = False  # whether rows that have not begun come back as they are
        self._holding_pools = holding_pools
        self._worth_bytes = min(_COLLECT_BYTES, max(1, budget.capacity // 4))
        self._finished: deque[J] = deque()
        self._finished_bytes = 0
        self._unfinished = 0
        self._wake_at = self._look_ahead // 2  # so many unfinished jobs or fewer
        self._opens_all_at_end = opens_all_at_end
        self._is_ending = False
        self._counts = threading.Lock()
        self._worth_waking = threading.Event()
        self._scheduler = loop_thread.run(self._make_scheduler(slots, lane_state, holding_pools))

    async def _make_scheduler(
        self, slots: Mapping[str, int], lane_state: Callable[[Lane], LaneState], holding_pools: Collection[str]
    ) -> Scheduler:
        gate = _ByteGate(self._budget, self._may_begin)
        scheduler = Scheduler(slots, lane_state, self._take_finished, dict.fromkeys(holding_pools, gate))
        self._budget.on_freed = scheduler.refill
        # If the process ends before the run does, the loop closes what it keeps.
        return self._loop_thread.keep(("run", id(self)), lambda: scheduler)

    @property
    def unfinished(self) -> int:
        """How many of the submitted jobs have not finished."""
        return self._unfinished

    @property
    def _has_batch(self) -> bool:
        return len(self._finished) >= _COLLECT_ROWS or self._finished_bytes >= self._worth_bytes

    @property
    def room(self) -> int:
        """How many more jobs are wanted now; none while a batch is waiting to be collected."""
        if self._has_batch:
            return 0
        room = self._look_ahead - self._unfinished
        if (
            room <= 0
            and self._unfinished < _LOOK_FURTHER * self._look_ahead
            and self._scheduler.has_idle_slots(self._holding_pools)
        ):
            return self._look_ahead
        return room

    def stop_after(self, interval_s: float) -> None:
        """Begin no row that would probably not be finished within `interval_s` seconds from now.

        After twice that also give back rows that wait for a retry or a limit. Steps that run are never interrupted.
        """
        self._clock = StopClock(interval_s, self._loop.time())
        self._loop.call_soon_threadsafe(self._loop.call_later, interval_s, self._stop)
        self._loop.call_soon_threadsafe(self._loop.call_later, 2 * interval_s, self._release)

    def refill(self) -> None:
        """Begin rows that `may_begin` held back. To be called on the loop."""
        self._scheduler.refill()

    def _stop(self) -> None:
        if not self.is_stopped:
            self.is_stopped = True
            self._scheduler.withdraw(opened=False)
            self._worth_waking.set()

    def _release(self) -> None:
        self.is_stopped = True
        self._scheduler.withdraw(opened=True)

    @property
    def is_half_full(self) -> bool:
        """Whether more than half of the byte budget is taken."""
        return self._budget.held > self._budget.capacity // 2

    def submit(self, jobs: Sequence[J], orders: Sequence[int] | None = None) -> None:
        """Start jobs; `orders` are their places among all jobs, if not one behind the other."""
        with self._counts:
            self._unfinished += len(jobs)
        self._loop.call_soon_threadsafe(self._submit_on_loop, jobs, orders)

    def no_more_input(self) -> None:
        """Say that nothing more will be submitted, so that nobody is woken before all jobs are finished."""
        self._say_ending(is_ending=True)
        with self._counts:
            self._wake_at = 0
            if not self._unfinished:
                self._worth_waking.set()

    def _say_ending(self, *, is_ending: bool) -> None:
        if self._opens_all_at_end and is_ending != self._is_ending:
            self._is_ending = is_ending
            self._loop.call_soon_threadsafe(self._scheduler.set_ending, is_ending)

    def collect(self) -> list[J]:
        """Wait until a batch is worth it, and return what has finished; empty only after a quarter of a second with nothing."""
        self._worth_waking.wait(_COLLECT_WAIT_S)
        with self._counts:
            self._worth_waking.clear()
            jobs = list(self._finished)
            self._finished.clear()
            self._finished_bytes = 0
        return jobs

    def emitted(self, jobs: Sequence[J], first_in_line: int | None = None) -> None:
        """Say that the rows of `jobs` have left this process, so that their bytes are free again; the jobs let go of them.

        In an ordered run `first_in_line` is the number of the job that is to leave next; it is to be told from the start.
        """
        held = [(job.number, job.let_go()) for job in jobs if job.held_bytes]
        if held or first_in_line is not None:
            self._loop.call_soon_threadsafe(self._free_on_loop, held, first_in_line)

    def close(self) -> None:
        """Cancel what is left; returns when no request is open any more.

        On the loop's own thread, where a garbage collection may end a run that was forgotten, it returns at once.
        """
        if self._loop.is_closed():
            return
        if self._loop_thread.is_here:
            self._closing = self._loop.create_task(self._close_on_loop())
        else:
            self._loop_thread.run(self._close_on_loop())

    async def _close_on_loop(self) -> None:
        await self._scheduler.close()
        self._loop_thread.kept.pop(("run", id(self)), None)

    def _submit_on_loop(self, jobs: Sequence[J], orders: Sequence[int] | None) -> None:
        for place, job in enumerate(jobs):
            self._scheduler.submit(job, None if orders is None else orders[place])

    def _free_on_loop(self, held: Sequence[tuple[int, int]], first_in_line: int | None) -> None:
        if first_in_line is not None:
            self._budget.first_in_line = first_in_line
        for number, held_bytes in held:
            self._budget.give_back(number, held_bytes)
        self._scheduler.refill()

    def _take_finished(self, job: Any) -> None:
        if job.turn is not None:
            self._on_left(job)
        elif self._clock is not None and not self.is_stopped:
            opened_at = self._scheduler.opened_at(job)
            if opened_at is not None and self._clock.is_over(self._loop.time(), opened_at):
                self._loop.call_soon(self._stop)
        with self._counts:
            self._finished.append(job)
            self._finished_bytes += job.held_bytes
            self._unfinished -= 1
            wants_input = self._unfinished <= self._wake_at
        worth_it = wants_input or self._has_batch or (job.held_bytes and self._budget.is_wanted)
        if worth_it and not self._worth_waking.is_set():
            self._worth_waking.set()
