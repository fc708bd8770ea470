"""The model of times."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picsum_vision import chunk_sizes
from picsum_vision.sizing.model import IN_FLIGHT, WINDOW, WORKERS, Demand, Waits, job_time, stage_time

WAITS = st.builds(
    Waits,
    latency_s=st.floats(0.001, 60),
    at_once=st.integers(1, 100_000),
    tasks=st.integers(1, 500),
    sigma=st.floats(0, 1.5),
    hops=st.integers(1, 4),
    rates=st.dictionaries(st.sampled_from(["a", "b"]), st.floats(0.1, 10_000)),
)
ROWS = st.integers(1, 5_000_000)
ROW_S = st.floats(0, 0.1)


@given(WAITS, ROWS, ROW_S)
def test_no_limit_is_beaten(waits, rows, row_s):
    """A stage takes at least what each of its limits makes of it."""
    found = stage_time(rows, waits, row_s)
    assert found.seconds >= max(rows / rate for rate in [*waits.rates.values(), 1e12]) * (1 - 1e-9)
    assert found.seconds >= rows * row_s / waits.tasks * (1 - 1e-9)
    assert found.seconds >= (rows - waits.at_once) * waits.latency_s / waits.at_once * (1 - 1e-9)
    assert found.limits[found.binding] == max(found.limits.values())


@given(WAITS, ROWS, ROW_S, st.integers(2, 10))
def test_more_rows_take_no_less_time(waits, rows, row_s, times):
    """Several times as many rows never take less time."""
    few, many = (stage_time(number, waits, row_s).seconds for number in (rows, rows * times))
    assert many >= few * (1 - 1e-6)


def test_a_stage_that_can_be_reckoned_by_hand():
    """With equal waits, 1,000 rows of 2 s at 100 at once take 10 rounds of 2 s, and twice as many places half of it."""
    waits = Waits(latency_s=2, at_once=100, tasks=10, sigma=0)
    assert stage_time(1_000, waits, 0).seconds == pytest.approx(20)
    assert stage_time(1_000, dataclasses.replace(waits, at_once=200), 0).seconds == pytest.approx(10)


def test_a_place_in_the_window_is_taken_through_both_stages():
    """Fused, six images in each of two tasks wait 1.5 s each: 1,000 take 125 s; apart, the window is the download's."""
    terms = {"image_latency_s": 0.5, "model_latency_s": 1.0, "tasks": 2, "latency_sigma": 0}
    demand = Demand(**terms, image_bytes=20_000_000)
    job = job_time(demand, 1_000, 0.0, 0.004)
    assert (job.binding, job.work_s) == (WINDOW, pytest.approx(1_000 * 1.5 / 12))
    apart = stage_time(1_000, demand.download, 0.0)
    assert (apart.binding, apart.seconds) == (WINDOW, pytest.approx(1_000 * 0.5 / 12))
    in_turn = job_time(dataclasses.replace(demand, is_fused=False), 1_000, 0.0, 0.0)
    assert in_turn.work_s == pytest.approx(apart.seconds + stage_time(1_000, demand.describe, 0.0).seconds)


@given(st.integers(1, 10**6), st.floats(0.01, 20), st.floats(0.01, 20), st.integers(1, 500), st.integers(1, 200))
def test_a_window_that_holds_all_in_flight_changes_nothing(rows, image_s, model_s, downloads, questions):
    """With a place for each download and each question in flight, the window of bytes never binds."""
    demand = Demand(
        image_latency_s=image_s,
        model_latency_s=model_s,
        tasks=3,
        download_in_flight_per_task=downloads,
        describe_in_flight_per_task=questions,
        image_bytes=1_000,
        window_bytes_per_task=1_000 * (downloads + questions),
    )
    endless = dataclasses.replace(demand, window_bytes_per_task=10**15)
    assert job_time(demand, rows, 0.0, 0.0) == job_time(endless, rows, 0.0, 0.0)


def test_the_tightest_limit_binds():
    """A rate binds where it is lower than what the window allows, the workers' work where that is lower still."""
    waits = Waits(latency_s=1, at_once=200, tasks=2, rates={"rate": 50.0})
    assert stage_time(10_000, waits, 0.001).binding == "rate"
    assert stage_time(10_000, waits, 0.1).binding == WORKERS
    assert stage_time(10_000, dataclasses.replace(waits, rates={}), 0.001).binding == IN_FLIGHT


def test_a_job_commits_by_the_clock():
    """A job of an hour that commits each minute commits sixty times or so, a short one once."""
    demand = Demand(image_latency_s=0.5, model_latency_s=1, tasks=2, requests_per_minute=1_000)
    assert 60 <= job_time(demand, 60_000, 1.0, 0.0).commits <= 62
    assert job_time(demand, 100, 1.0, 0.0).commits == 1


@given(st.floats(0.1, 3_600), st.integers(1, 10_000_000), st.floats(0.001, 10_000))
def test_a_chunk_grows_by_steps_and_never_vanishes(interval_s, rows, seconds):
    """After a chunk that was not cut the next one is larger, at most eight times; after one that was cut it is smaller."""
    assert chunk_sizes.first_rows(interval_s) >= 8
    assert min(rows, 8) <= chunk_sizes.next_rows(rows, rows, seconds, interval_s) <= max(8, rows * 8)
    assert 8 <= chunk_sizes.next_rows(2 * rows, rows, seconds, interval_s) <= max(8, rows)
