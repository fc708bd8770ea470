"""The rolling window: a slot that one step leaves is taken by the next waiting step at once.

States of a job: delayed (a timer) | queued (in its lane) | running (a task) | done, or withdrawn (both handed to `on_done`; a
withdrawn job still has a `turn`).
Invariants, held by the property tests:
  * a job is in exactly one state, and `on_done` gets each submitted job once, unless the scheduler was closed before;
  * a running step is never interrupted by a withdrawal: what it may have paid for is waited for;
  * the running steps of a pool never exceed its slots, those of a lane never its limit;
  * a step never starts before its delay is over, nor its lane before a pause that the far side asked for;
  * a free slot goes to the lane that has the fewest steps running, so a slow host never takes the slots of a quick one; within a
    lane to the job that is first in the order of submission. Once no more jobs come, lanes whose next step opens a job go first.
Everything happens on one event loop, so there is no lock.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Collection, Mapping
from typing import Final, NamedTuple

from picsum_vision.concurrency.job import NOTHING_LEARNT, Feedback, Job, Lane
from picsum_vision.concurrency.lanes import Gate, LaneState, Pool

__all__ = ["LaneState", "Scheduler"]

# With so many, those that have nothing to do are forgotten: rows of a host that is done seldom come back.
_LANES_AT_MOST: Final = 1_000


class Scheduler:
    """Runs jobs step by step within the slots of their pools and the limits of their lanes."""

    def __init__(
        self,
        slots: Mapping[str, int],
        lane_state: Callable[[Lane], LaneState],
        on_done: Callable[[Job], None],
        gates: Mapping[str, Gate] | None = None,
    ) -> None:
        """Take the slots of each pool, what makes a lane's state, whom to tell of each job that is done, and the pools' gates."""
        self._pools = {name: Pool(number, (gates or {}).get(name)) for name, number in slots.items()}
        self._lane_state = lane_state
        self._lanes: dict[Lane, LaneState] = {}
        self._lanes_at_most = _LANES_AT_MOST
        self._on_done = on_done
        self._loop = asyncio.get_running_loop()
        self._running: set[asyncio.Task[None]] = set()
        self._can_take_over = False
        self._taken_over: _Start | None = None
        self._delayed: dict[asyncio.TimerHandle, Job] = {}
        self._opened_at: dict[int, float] = {}  # by the job's id: when its first step began
        self._submitted = 0
        self._closed = False
        self._opens_jobs = self._goes_on = True

    def submit(self, job: Job, order: int | None = None) -> None:
        """Take a job; one whose turn is None is done already. `order` is its place among all jobs, if not that of submission."""
        self._submitted += 1
        if self._opens_jobs or job.turn is None:
            self._go_on(self._submitted if order is None else order, job)
        else:
            self._on_done(job)

    def opened_at(self, job: Job) -> float | None:
        """Return the loop's time when the job's first step began, None if none has."""
        return self._opened_at.get(id(job))

    def withdraw(self, *, opened: bool) -> None:
        """Hand back every job of which no step has begun, and open none from now on.

        With `opened` also those that wait between two steps, now and whenever one of the running steps ends.
        """
        self._opens_jobs = False
        self._goes_on = self._goes_on and not opened
        withdrawn = [
            job for state in self._lanes.values() for job in state.take_out(lambda job: opened or id(job) not in self._opened_at)
        ]
        for timer, job in list(self._delayed.items()):
            if opened or id(job) not in self._opened_at:
                timer.cancel()
                del self._delayed[timer]
                withdrawn.append(job)
        for job in withdrawn:
            self._done(job)

    def has_idle_slots(self, pools: Collection[str]) -> bool:
        """Return whether one of these pools has a slot that no waiting job may use."""
        return any(self._pools[name].in_flight < self._pools[name].slots for name in pools)

    def refill(self) -> None:
        """Start what a gate held back, now that it may be open."""
        for pool in self._pools.values():
            if pool.gate is not None:
                self._fill(pool)

    def set_ending(self, is_ending: bool) -> None:  # noqa: FBT001 - what is said
        """Say whether all jobs are submitted."""
        for pool in self._pools.values():
            pool.is_ending = is_ending
        for lane, state in self._lanes.items():
            if state.rank is not None:
                self._pools[lane.pool].rank(lane, state)

    async def close(self) -> None:
        """Cancel what runs, forget what waits, and return when no task is left."""
        self._closed = True
        for timer in self._delayed:
            timer.cancel()
        self._delayed.clear()
        for state in self._lanes.values():
            state.forget_waiting()
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _go_on(self, order: int, job: Job) -> None:
        turn = job.turn
        if self._closed:
            return
        if turn is None or not self._goes_on:
            self._done(job)
        elif turn.delay_s > 0:
            self._after(turn.delay_s, order, job, turn.lane)
        else:
            self._enqueue(order, job, turn.lane)

    def _done(self, job: Job) -> None:
        self._on_done(job)
        self._opened_at.pop(id(job), None)

    def _after(self, delay_s: float, order: int, job: Job, lane: Lane) -> None:
        def ripe() -> None:
            del self._delayed[timer]
            self._enqueue(order, job, lane)

        timer = self._loop.call_later(delay_s, ripe)
        self._delayed[timer] = job

    def _enqueue(self, order: int, job: Job, lane: Lane) -> None:
        state = self._lanes.get(lane)
        if state is None:
            state = self._new_lane(lane)
        heapq.heappush(state.queue, (order, job))
        self._offer(lane, state)

    def _new_lane(self, lane: Lane) -> LaneState:
        if len(self._lanes) >= self._lanes_at_most:
            now = self._loop.time()
            self._lanes = {known: state for known, state in self._lanes.items() if not state.is_idle(now)}
            self._lanes_at_most = max(_LANES_AT_MOST, 2 * len(self._lanes))
        state = self._lanes[lane] = self._lane_state(lane)
        return state

    def _offer(self, lane: Lane, state: LaneState) -> None:
        """Let the lane be chosen by its pool, if it has something to start; whether it may, is asked when it is chosen."""
        pool = self._pools[lane.pool]
        if state.queue:
            pool.rank(lane, state)
        self._fill(pool)

    def _may_start(self, lane: Lane, state: LaneState) -> bool:
        """Return whether the lane has a job that may start now; if only time keeps it back, see to it that it is asked again."""
        if not state.queue or self._closed:
            return False
        wait_s = state.wait_s(self._loop.time())
        if wait_s is None:
            return False
        if wait_s <= 0:
            return True
        if state.timer is None:
            state.timer = self._loop.call_later(wait_s, self._ripe, lane, state)
        return False

    def _ripe(self, lane: Lane, state: LaneState) -> None:
        state.timer = None
        self._offer(lane, state)

    def _fill(self, pool: Pool) -> None:
        while pool.in_flight < pool.slots:
            lane = pool.next_lane()
            if lane is None:
                return
            state = self._lanes[lane]
            if not self._may_start(lane, state):
                continue
            if not pool.admits(state):
                pool.rank(lane, state)
                urgent = pool.urgent_lane()
                if urgent is None or not self._may_start(urgent, self._lanes[urgent]):
                    return
                lane, state = urgent, self._lanes[urgent]
                pool.take_out(state)
            self._start(lane, state, pool)
            if state.queue:
                pool.rank(lane, state)

    def _start(self, lane: Lane, state: LaneState, pool: Pool) -> None:
        order, job = heapq.heappop(state.queue)
        now = self._loop.time()
        self._opened_at.setdefault(id(job), now)
        pool.in_flight += 1
        state.in_flight += 1
        if pool.gate is not None:
            pool.gate.begin(job)
        if state.pace is not None:
            state.pace.start(now)
        start = _Start(order, job, lane, state, pool)
        if self._can_take_over and self._taken_over is None:
            self._taken_over = start
            return
        task = self._loop.create_task(self._run_steps(start))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _run_steps(self, start: _Start | None) -> None:
        """Run a step, then the one that takes its slot, and so on: a task for each step would cost more than its books."""
        while start is not None:
            feedback: Feedback = NOTHING_LEARNT
            try:
                feedback = await start.job.step()
            except BaseException:
                self._leave(start, feedback)
                raise
            self._can_take_over = True
            self._leave(start, feedback)
            self._go_on(start.order, start.job)
            start, self._taken_over, self._can_take_over = self._taken_over, None, False

    def _leave(self, start: _Start, feedback: Feedback) -> None:
        state, pool = start.state, start.pool
        state.learn(feedback, self._loop.time())
        state.in_flight -= 1
        pool.in_flight -= 1
        if pool.gate is not None:
            pool.gate.end(start.job)
        self._offer(start.lane, state)


class _Start(NamedTuple):
    order: int
    job: Job
    lane: Lane
    state: LaneState
    pool: Pool
