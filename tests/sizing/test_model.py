"""The model of times."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picsum_vision import pass_sizes
from picsum_vision.sizing.demand import Demand
from picsum_vision.sizing.fit import StageFit, passes_of
from picsum_vision.sizing.model import IN_FLIGHT, WORKERS, Waits, stage_time

WAITS = st.builds(
    Waits,
    latency_s=st.floats(0.001, 60),
    in_flight_per_task=st.integers(1, 2_000),
    tasks=st.integers(1, 500),
    sigma=st.floats(0, 1.5),
    hops=st.integers(1, 4),
    rates=st.dictionaries(st.sampled_from(["a", "b"]), st.floats(0.1, 10_000)),
)
ROWS = st.integers(1, 5_000_000)
ROW_S = st.floats(0, 0.1)


@given(WAITS, ROWS, ROW_S, st.booleans())
def test_no_limit_is_beaten(waits, rows, row_s, cold):
    """A stage takes at least what each of its limits makes of it, and at least one wait."""
    found = stage_time(rows, waits, row_s, cold=cold)
    assert found.seconds >= max(rows / rate for rate in [*waits.rates.values(), 1e12]) * (1 - 1e-9)
    assert found.seconds >= rows * row_s / waits.tasks * (1 - 1e-9)
    at_once = waits.in_flight_per_task * waits.tasks
    assert found.seconds >= (rows - at_once) * waits.latency_s / at_once * (1 - 1e-9)
    assert found.limits[found.binding] == max(found.limits.values())


@given(WAITS, ROWS, ROW_S, st.booleans(), st.integers(2, 10))
def test_more_rows_take_no_less_time(waits, rows, row_s, cold, times):
    """Several times as many rows never take less time."""
    few, many = (stage_time(number, waits, row_s, cold=cold).seconds for number in (rows, rows * times))
    assert many >= few * (1 - 1e-6)


@given(WAITS, ROWS)
def test_a_window_that_has_yet_to_open_costs_time(waits, rows):
    """A cold start is never faster than a warm one."""
    assert (
        stage_time(rows, waits, 0, cold=True).limits[IN_FLIGHT] >= stage_time(rows, waits, 0, cold=False).limits[IN_FLIGHT] - 1e-9
    )


def test_a_stage_that_can_be_reckoned_by_hand():
    """With equal waits, 1,000 rows of 2 s in 10 tasks of 10 take 10 rounds of 2 s, and twice as many places half of it."""
    waits = Waits(latency_s=2, in_flight_per_task=10, tasks=10, sigma=0)
    assert stage_time(1_000, waits, 0, cold=False).seconds == pytest.approx(20)
    assert stage_time(1_000, dataclasses.replace(waits, in_flight_per_task=20), 0, cold=False).seconds == pytest.approx(10)


def test_the_tightest_limit_binds():
    """A rate binds where it is lower than what the window allows, the workers' work where that is lower still."""
    waits = Waits(latency_s=1, in_flight_per_task=100, tasks=2, rates={"rate": 50.0})
    assert stage_time(10_000, waits, 0.001, cold=False).binding == "rate"
    assert stage_time(10_000, waits, 0.1, cold=False).binding == WORKERS
    assert stage_time(10_000, dataclasses.replace(waits, rates={}), 0.001, cold=False).binding == IN_FLIGHT


@given(st.floats(0.1, 3_600), st.integers(1, 10_000_000), st.floats(0.001, 10_000))
def test_a_pass_grows_by_steps_and_never_vanishes(interval_s, rows, seconds):
    """The next pass is to have at least 50 rows and at most eight times as many."""
    assert 50 <= pass_sizes.first_rows(interval_s) <= 1_000
    assert 50 <= pass_sizes.next_rows(rows, seconds, interval_s, last_wish=rows) <= max(50, rows * 8)


@given(st.integers(1, 10_000_000), st.integers(1, 10_000_000))
def test_a_pass_leaves_small_ones_for_the_end(wish, left):
    """No pass takes more than a quarter of what is left, or 1,000 rows, and each takes something."""
    assert 1 <= pass_sizes.shared(wish, left) <= min(left, max(1_000, left // 4))


@given(st.integers(1, 3_000_000), st.floats(0.5, 600), st.booleans())
def test_the_passes_of_a_plan_have_all_rows(rows, interval_s, is_fused):
    """A plan's passes have together as many rows as the job."""
    demand = Demand(image_latency_s=0.5, model_latency_s=1, tasks=2, checkpoint_interval_s=interval_s, is_fused=is_fused)
    found = passes_of(demand, rows, StageFit(start_s=1, row_s=0.002), cold=True)
    assert sum(part * times for part, _, times in found) == rows
