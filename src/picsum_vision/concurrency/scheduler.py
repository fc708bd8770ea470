"""The rolling window: a slot that one step leaves is taken by the next waiting step at once.

States of a job: delayed (a timer) | queued (in its lane) | running (a task) | done (handed to `on_done`).
Invariants, held by the property tests:
  * a job is in exactly one state, and `on_done` gets each submitted job once, unless the scheduler was closed before;
  * the running steps of a pool never exceed its slots, those of a lane never its limit;
  * a step never starts before its delay is over, nor its lane before a pause that the far side asked for;
  * a lane that may not start keeps no other lane of its pool waiting.
Everything happens on one event loop, so there is no lock.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping

from picsum_vision.concurrency.job import NOTHING_LEARNT, Feedback, Job, Lane
from picsum_vision.concurrency.limits import InFlightLimit
from picsum_vision.concurrency.pace import Pace


class LaneState:
    """One lane's limit, pace and pause. Outlives a run, so that the next task goes on with what this one found."""

    __slots__ = ("in_flight", "limit", "not_before", "pace", "queue", "timer", "waiting")

    def __init__(self, limit: InFlightLimit, pace: Pace | None = None) -> None:
        """Start empty."""
        self.limit = limit
        self.pace = pace
        self.in_flight = 0
        self.not_before = 0.0
        self.queue: deque[Job] = deque()
        self.waiting = False
        self.timer: asyncio.TimerHandle | None = None

    def wait_s(self, now: float) -> float:
        """Return the seconds for which nothing may start here, whatever is in flight."""
        return max(self.not_before - now, self.pace.wait_s(now) if self.pace else 0.0)


class _Pool:
    __slots__ = ("in_flight", "slots", "startable")

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.in_flight = 0
        self.startable: deque[Lane] = deque()


class Scheduler:
    """Runs jobs step by step within the slots of their pools and the limits of their lanes."""

    def __init__(self, slots: Mapping[str, int], lane_state: Callable[[Lane], LaneState], on_done: Callable[[Job], None]) -> None:
        """Take the slots of each pool, what makes a lane's state, and whom to tell of each job that is done."""
        self._pools = {name: _Pool(number) for name, number in slots.items()}
        self._lane_state = lane_state
        self._lanes: dict[Lane, LaneState] = {}
        self._on_done = on_done
        self._loop = asyncio.get_running_loop()
        self._running: set[asyncio.Task[None]] = set()
        self._timers: set[asyncio.TimerHandle] = set()
        self._closed = False

    def submit(self, job: Job) -> None:
        """Take a job; one whose turn is None is done already."""
        turn = job.turn
        if self._closed:
            return
        if turn is None:
            self._on_done(job)
        elif turn.delay_s > 0:
            self._after(turn.delay_s, job, turn.lane)
        else:
            self._enqueue(job, turn.lane)

    async def close(self) -> None:
        """Cancel what runs, forget what waits, and return when no task is left."""
        self._closed = True
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        for state in self._lanes.values():
            state.queue.clear()
            if state.timer is not None:
                state.timer.cancel()
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _after(self, delay_s: float, job: Job, lane: Lane) -> None:
        def ripe() -> None:
            self._timers.discard(timer)
            self._enqueue(job, lane)

        timer = self._loop.call_later(delay_s, ripe)
        self._timers.add(timer)

    def _enqueue(self, job: Job, lane: Lane) -> None:
        state = self._lanes.get(lane)
        if state is None:
            state = self._lanes[lane] = self._lane_state(lane)
        state.queue.append(job)
        self._offer(lane, state)

    def _offer(self, lane: Lane, state: LaneState) -> None:
        """Let the lane take part in its pool's round, if it has something that may start."""
        pool = self._pools[lane.pool]
        if state.queue and not state.waiting and state.in_flight < state.limit.allowed():
            wait_s = state.wait_s(self._loop.time())
            if wait_s > 0:
                self._offer_later(wait_s, lane, state)
                return
            state.waiting = True
            pool.startable.append(lane)
        self._fill(pool)

    def _offer_later(self, wait_s: float, lane: Lane, state: LaneState) -> None:
        if state.timer is not None:
            return

        def ripe() -> None:
            state.timer = None
            self._offer(lane, state)

        state.timer = self._loop.call_later(wait_s, ripe)

    def _fill(self, pool: _Pool) -> None:
        while pool.startable and pool.in_flight < pool.slots and not self._closed:
            lane = pool.startable.popleft()
            state = self._lanes[lane]
            state.waiting = False
            if state.in_flight >= state.limit.allowed() or state.wait_s(self._loop.time()) > 0:
                if state.queue and state.in_flight < state.limit.allowed():
                    self._offer_later(state.wait_s(self._loop.time()), lane, state)
                continue
            self._start(state.queue.popleft(), lane, state, pool)
            if state.queue and state.in_flight < state.limit.allowed():
                state.waiting = True
                pool.startable.append(lane)

    def _start(self, job: Job, lane: Lane, state: LaneState, pool: _Pool) -> None:
        pool.in_flight += 1
        state.in_flight += 1
        if state.pace is not None:
            state.pace.start(self._loop.time())
        task = self._loop.create_task(self._run_step(job, lane, state, pool))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _run_step(self, job: Job, lane: Lane, state: LaneState, pool: _Pool) -> None:
        feedback = NOTHING_LEARNT
        try:
            feedback = await job.step()
        finally:
            self._learn(feedback, state)
            state.in_flight -= 1
            pool.in_flight -= 1
            self._offer(lane, state)
        self.submit(job)

    def _learn(self, feedback: Feedback, state: LaneState) -> None:
        state.limit.learn(feedback, state.in_flight)
        if feedback.pause_s > 0:
            state.not_before = max(state.not_before, self._loop.time() + feedback.pause_s)
