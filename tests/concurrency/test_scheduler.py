"""The rolling window keeps its promises for any jobs, limits and delays."""

# ruff: noqa: D102, D107, ARG002, ARG005 - helpers of tests say by their names what they are

from __future__ import annotations

import asyncio
import collections
import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picsum_vision.concurrency.job import NOTHING_LEARNT, Feedback, Lane, Turn
from picsum_vision.concurrency.limits import AdaptiveLimit, FixedLimit
from picsum_vision.concurrency.pace import Pace
from picsum_vision.concurrency.scheduler import LaneState, Scheduler

QUICK = settings(max_examples=60, deadline=None)


@dataclasses.dataclass(frozen=True)
class Step:
    """What one step does: where it runs, what it waits for before, how many turns of the loop it takes, the pause it asks for."""

    lane: str
    delay_s: float
    turns: int
    pause_s: float


steps = st.builds(
    Step,
    lane=st.sampled_from("abc"),
    delay_s=st.sampled_from([0.0, 0.0, 0.0, 0.003]),
    turns=st.integers(0, 4),
    pause_s=st.sampled_from([0.0, 0.0, 0.0, 0.0, 0.004]),
)
plans = st.lists(st.lists(steps, max_size=3), max_size=40)


class Watch:
    """Sees every step of every job."""

    def __init__(self) -> None:
        self.in_lane: collections.Counter[str] = collections.Counter()
        self.most_in_lane: collections.Counter[str] = collections.Counter()
        self.most_in_all = 0
        self.too_early: list[str] = []
        self.paused_until: dict[str, float] = {}


class WatchingPace(Pace):
    """Bounds nothing; notes a start that comes before a pause is over."""

    def __init__(self, lane: str, watch: Watch) -> None:
        super().__init__(1.0)
        self._lane, self._watch = lane, watch

    def wait_s(self, now: float) -> float:
        return 0.0

    def start(self, now: float) -> None:
        # The loop's timers may fire early by its clock's resolution.
        if now + 0.001 < self._watch.paused_until.get(self._lane, 0.0):
            self._watch.too_early.append("pause")


class PlannedJob:
    """Runs the steps of its plan."""

    def __init__(self, plan: list[Step], watch: Watch) -> None:
        self._plan = list(plan)
        self._watch = watch
        self.done = 0
        self._set_turn()

    def _set_turn(self) -> None:
        self._not_before = asyncio.get_running_loop().time()
        self.turn = None
        if self._plan:
            step = self._plan[0]
            self._not_before += step.delay_s
            self.turn = Turn(Lane("pool", step.lane), step.delay_s)

    async def step(self) -> Feedback:
        step, watch, loop = self._plan.pop(0), self._watch, asyncio.get_running_loop()
        if loop.time() + 0.001 < self._not_before:
            watch.too_early.append("delay")
        watch.in_lane[step.lane] += 1
        watch.most_in_lane[step.lane] = max(watch.most_in_lane[step.lane], watch.in_lane[step.lane])
        watch.most_in_all = max(watch.most_in_all, sum(watch.in_lane.values()))
        for _ in range(step.turns):
            await asyncio.sleep(0)
        watch.in_lane[step.lane] -= 1
        if step.pause_s:
            watch.paused_until[step.lane] = max(watch.paused_until.get(step.lane, 0.0), loop.time() + step.pause_s)
        self._set_turn()
        return Feedback(pause_s=step.pause_s) if step.pause_s else NOTHING_LEARNT


async def run_all(plans: list[list[Step]], slots: int, limits: dict[str, int]) -> tuple[Watch, collections.Counter[Any]]:
    watch, done, all_done = Watch(), collections.Counter(), asyncio.Event()

    def on_done(job: Any) -> None:
        done[job] += 1
        if len(done) == len(plans):
            all_done.set()

    window = Scheduler(
        {"pool": slots}, lambda lane: LaneState(FixedLimit(limits[lane.key]), WatchingPace(lane.key, watch)), on_done
    )
    for plan in plans:
        window.submit(PlannedJob(plan, watch))
    if plans:
        await asyncio.wait_for(all_done.wait(), 20)
    await asyncio.sleep(0)
    await window.close()
    return watch, done


@QUICK
@given(plans=plans, slots=st.integers(1, 6), limits=st.fixed_dictionaries(dict.fromkeys("abc", st.integers(1, 4))))
def test_any_jobs(plans: list[list[Step]], slots: int, limits: dict[str, int]) -> None:
    """Any jobs are each done exactly once, within the slots and the lanes' limits, never before a delay or a pause is over."""
    watch, done = asyncio.run(run_all(plans, slots, limits))
    assert len(done) == len(plans)
    assert set(done.values()) <= {1}
    assert watch.most_in_all <= slots
    assert all(watch.most_in_lane[lane] <= limits[lane] for lane in "abc")
    assert watch.too_early == []


@QUICK
@given(plans=plans, slots=st.integers(1, 6), limits=st.fixed_dictionaries(dict.fromkeys("abc", st.integers(1, 4))))
def test_any_jobs_while_idle_lanes_are_forgotten(plans: list[list[Step]], slots: int, limits: dict[str, int]) -> None:
    """The same holds where each new lane makes the idle ones forgotten, so that they are made anew again and again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("picsum_vision.concurrency.scheduler._LANES_AT_MOST", 1)
        watch, done = asyncio.run(run_all(plans, slots, limits))
    assert len(done) == len(plans)
    assert set(done.values()) <= {1}
    assert watch.most_in_all <= slots
    assert all(watch.most_in_lane[lane] <= limits[lane] for lane in "abc")
    assert watch.too_early == []


def test_lanes_without_work_are_forgotten() -> None:
    """A run over many thousand hosts keeps the books of some thousand, and of all that still have something to do."""

    async def scenario() -> tuple[int, int]:
        release, free, started, done = asyncio.Event(), asyncio.Event(), [], []
        free.set()
        window = Scheduler({"pool": 100}, lambda lane: LaneState(FixedLimit(1)), done.append)
        for number in range(50):
            window.submit(HangingJob(f"busy{number}", release, started))
        for number in range(8_000):
            window.submit(HangingJob(f"host{number}", free, started))
            if number % 40 == 0:
                await asyncio.sleep(0)
        for _ in range(1_000):
            await asyncio.sleep(0)
        assert len(done) == 8_000
        busy, lanes = sum(lane.key.startswith("busy") for lane in window._lanes), len(window._lanes)
        await window.close()
        return busy, lanes

    busy, lanes = asyncio.run(scenario())
    assert busy == 50
    assert lanes <= 2_000


class HangingJob:
    """A step that ends only when it is told to."""

    def __init__(self, lane: str, release: asyncio.Event, started: list[str]) -> None:
        self.turn: Turn | None = Turn(Lane("pool", lane))
        self._lane, self._release, self._started = lane, release, started

    async def step(self) -> Feedback:
        self._started.append(self._lane)
        await self._release.wait()
        self.turn = None
        return NOTHING_LEARNT


def test_a_hanging_lane_keeps_no_other_lane_waiting() -> None:
    """With every step of one lane hanging at its limit, all jobs of another lane are done."""

    async def scenario() -> int:
        release, hanging, quick = asyncio.Event(), [], []
        finished = []
        window = Scheduler({"pool": 4}, lambda lane: LaneState(FixedLimit(2)), finished.append)
        free = asyncio.Event()
        free.set()
        for _ in range(10):
            window.submit(HangingJob("slow", release, hanging))
        for _ in range(50):
            window.submit(HangingJob("quick", free, quick))
        for _ in range(200):
            await asyncio.sleep(0)
        await window.close()
        assert len(hanging) == 2
        return len(finished)

    assert asyncio.run(scenario()) == 50


def test_free_slots_go_to_the_lane_with_the_fewest_running() -> None:
    """Two lanes that both want all slots share them equally, though one asked first and never gives a slot back."""

    async def scenario() -> collections.Counter[str]:
        release, started = asyncio.Event(), []
        window = Scheduler({"pool": 8}, lambda lane: LaneState(FixedLimit(8)), lambda job: None)
        for _ in range(3):
            window.submit(HangingJob("slow", release, started))
        for _ in range(20):
            window.submit(HangingJob("other", release, started))
        for _ in range(20):
            window.submit(HangingJob("slow", release, started))
        await asyncio.sleep(0.01)
        await window.close()
        return collections.Counter(started)

    assert asyncio.run(scenario())["slow"] <= 4


def test_close_leaves_no_task_and_tells_of_no_further_job() -> None:
    """After close nothing runs or waits on a timer and no job is handed over, though some were running, queued and delayed."""

    async def scenario() -> tuple[list[Any], int, bool]:
        finished: list[Any] = []
        release, started = asyncio.Event(), []
        window = Scheduler({"pool": 2}, lambda lane: LaneState(FixedLimit(2)), finished.append)
        for _ in range(5):
            window.submit(HangingJob("a", release, started))
        delayed = HangingJob("a", release, started)
        delayed.turn = Turn(Lane("pool", "a"), 0.005)
        window.submit(delayed)
        await asyncio.sleep(0)
        await window.close()
        release.set()
        await asyncio.sleep(0.02)
        return finished, len(asyncio.all_tasks()) - 1, len(started) == 2

    assert asyncio.run(scenario()) == ([], 0, True)


class TwoHosts:
    """A job whose first step runs in one lane and whose second in another."""

    def __init__(self, name: str, started: list[str]) -> None:
        self.turn: Turn | None = Turn(Lane("pool", "first"), opens=True)
        self._name, self._started = name, started

    async def step(self) -> Feedback:
        is_first = self.turn is not None and self.turn.opens
        self._started.append(f"{self._name}{1 if is_first else 2}")
        await asyncio.sleep(0)
        self.turn = Turn(Lane("pool", "second")) if is_first else None
        return NOTHING_LEARNT


@given(jobs=st.integers(1, 12), slots=st.integers(1, 4))
def test_at_the_end_opening_steps_go_first(jobs: int, slots: int) -> None:
    """Once no more jobs come, no second step starts while a first one waits; before that, the lanes share the slots."""

    async def scenario(*, is_ending: bool) -> list[str]:
        started, done = [], []
        window = Scheduler({"pool": slots}, lambda lane: LaneState(FixedLimit(slots)), done.append)
        if is_ending:
            window.set_ending(True)
        for number in range(jobs):
            window.submit(TwoHosts(str(number), started))
        for _ in range(10 * jobs):
            await asyncio.sleep(0)
        await window.close()
        assert len(done) == jobs
        return started

    at_the_end = asyncio.run(scenario(is_ending=True))
    assert [name[-1] for name in at_the_end] == ["1"] * jobs + ["2"] * jobs
    before = asyncio.run(scenario(is_ending=False))
    assert sorted(before) == sorted(at_the_end)
    if jobs > 2 * slots:
        assert before[: jobs + 1] != at_the_end[: jobs + 1]


def test_the_books_stay_small_while_all_slots_are_taken() -> None:
    """However many steps of two lanes run through a full pool, its ranks stay a handful of entries for each lane."""

    async def scenario() -> int:
        longest = 0
        done: list[Any] = []
        window = Scheduler({"pool": 4}, lambda lane: LaneState(FixedLimit(4)), done.append)
        for number in range(3_000):
            window.submit(TwoHosts(str(number), []))
        while len(done) < 3_000:
            longest = max(longest, len(window._pools["pool"]._ranks))
            await asyncio.sleep(0)
        await window.close()
        return longest

    assert asyncio.run(scenario()) < 100


def test_a_full_lane_is_asked_again_when_its_limit_rises_by_itself() -> None:
    """After one answer steps start as the limit doubles in time, up to its most, though nothing else is answered."""

    async def scenario() -> int:
        begun: list[None] = []
        all_have = asyncio.Event()

        class Endless:
            def __init__(self) -> None:
                self.turn: Turn | None = Turn(Lane("pool", "slow"))

            async def step(self) -> Feedback:
                begun.append(None)
                if len(begun) == 1:
                    self.turn = None
                    return Feedback(latency_s=0.01)
                if len(begun) == 1 + 70:
                    all_have.set()
                await asyncio.Event().wait()
                return NOTHING_LEARNT

        window = Scheduler({"pool": 100}, lambda lane: LaneState(AdaptiveLimit(70, doubles_after_s=0.01)), lambda job: None)
        for _ in range(100):
            window.submit(Endless())
        await asyncio.wait_for(all_have.wait(), 30)
        await asyncio.sleep(0.05)
        await window.close()
        return len(begun)

    assert asyncio.run(scenario()) == 1 + 70
