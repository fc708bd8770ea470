"""A window that stops takes nothing new, gives back what has not begun, and waits for every step that runs."""

# ruff: noqa: D102, D107, ARG005 - helpers of tests say by their names what they are

from __future__ import annotations

import asyncio
import collections
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from picsum_vision.concurrency.job import NOTHING_LEARNT, Feedback, Lane, Turn
from picsum_vision.concurrency.limits import FixedLimit
from picsum_vision.concurrency.scheduler import LaneState, Scheduler
from picsum_vision.concurrency.stop_clock import StopClock

LATER_S = 60.0


class Steps:
    """Takes so many steps of so many turns of the loop each; before all but the first it waits for an hour where `retries`."""

    def __init__(self, steps: int, turns: int, lane: str, *, retries: bool) -> None:
        self.left, self.turns, self.lane, self.retries = steps, turns, lane, retries
        self.begun = self.ended = 0
        self.turn: Turn | None = Turn(Lane("pool", lane))

    async def step(self) -> Feedback:
        self.begun += 1
        for _ in range(self.turns):
            await asyncio.sleep(0)
        self.ended += 1
        self.left -= 1
        self.turn = Turn(Lane("pool", self.lane), LATER_S if self.retries else 0.0) if self.left else None
        return NOTHING_LEARNT


jobs = st.lists(
    st.builds(Steps, st.integers(1, 3), st.integers(0, 5), st.sampled_from("abc"), retries=st.booleans()), max_size=30
)


async def run(work: list[Steps], slots: int, stop_after: int, release_after: int) -> collections.Counter[Any]:
    given_back: collections.Counter[Any] = collections.Counter()
    window = Scheduler({"pool": slots}, lambda lane: LaneState(FixedLimit(2)), lambda job: given_back.update([job]))
    for job in work:
        window.submit(job)
    for _ in range(stop_after):
        await asyncio.sleep(0)
    window.withdraw(opened=False)
    opened = {job for job in work if window.opened_at(job) is not None or not job.left}
    for _ in range(release_after):
        await asyncio.sleep(0)
    assert {job for job in work if job.begun} <= opened
    window.withdraw(opened=True)
    for _ in range(20):
        await asyncio.sleep(0)
    await window.close()
    return given_back


@settings(max_examples=200, deadline=None)
@given(work=jobs, slots=st.integers(1, 5), stop_after=st.integers(0, 12), release_after=st.integers(0, 12))
def test_each_job_comes_back_once(work: list[Steps], slots: int, stop_after: int, release_after: int) -> None:
    """Whenever a window stops and lets go, each job comes back once, no step is cut off, and none begins after the stop."""
    given_back = asyncio.run(run(work, slots, stop_after, release_after))
    assert given_back == collections.Counter(work)
    assert all(job.begun == job.ended for job in work)


@given(st.floats(0.1, 100), st.lists(st.floats(0.001, 50), min_size=1, max_size=30))
def test_no_row_begins_that_would_be_late(interval_s: float, rows_s: list[float]) -> None:
    """The clock is over as soon as a usual row would end after the interval, and no later than the interval."""
    clock, now_s = StopClock(interval_s, 0.0), 0.0
    for row_s in rows_s:
        now_s += row_s
        if clock.is_over(now_s, now_s - row_s):
            assert now_s + max(rows_s) >= interval_s
            return
    assert now_s < interval_s
