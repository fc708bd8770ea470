"""What workers hold."""

from __future__ import annotations

import dataclasses

import pytest
from suites import suite

import picsum_vision as pv
from picsum_vision.sizing.fit import fit_results
from picsum_vision.sizing.model import Demand


def with_peaks(**peaks: dict[str, float]):
    """Return a suite whose stages had these peaks."""
    result = suite(lambda _, images, __: 5 + images / 100, sizes=(1_000,))
    for repeat in result.sizes[0].repeats:
        for stage, peak in peaks.items():
            repeat[stage] = dataclasses.replace(repeat[stage], peak_memory_mb=peak, bytes=50_000_000)
    return result


@pytest.mark.parametrize("most", ["download", "describe", "total"])
def test_a_workers_own_memory_is_what_the_stage_that_needs_most_has_beside_its_images(most):
    """It is the largest gap between a stage's peak and what the model says of its images: then each peak is met."""
    peaks = {stage: {"python_worker": 300.0} for stage in ("download", "describe", "total")}
    peaks[most] = {"python_worker": 800.0}
    result = with_peaks(**peaks)
    demand = Demand.of_result(result)
    gaps = {stage: peak["python_worker"] - demand.worker_mb(stage) for stage, peak in peaks.items()}
    fit = fit_results([result])
    assert fit.worker_base_mb == pytest.approx(max(gaps.values()))
    assert all(fit.worker_base_mb + demand.worker_mb(stage) >= peak["python_worker"] for stage, peak in peaks.items())


def test_the_jvm_is_a_line_of_its_own_where_it_was_measured(tmp_path):
    """A plan's memory is that of the Python workers; it says so, and what the JVM had at most in the suite it was fitted to."""
    assert "without the JVM's" in str(pv.plan(10))
    with_peaks(total={"python_worker": 200.0}).write(tmp_path)
    assert pv.plan(10, fit_from=tmp_path).jvm_memory_mb is None
    with_peaks(total={"python_worker": 200.0, "jvm": 1_234.0}, download={"python_worker": 200.0, "jvm": 900.0}).write(tmp_path)
    found = pv.plan(10, fit_from=tmp_path)
    assert found.jvm_memory_mb == 1_234
    assert "the JVM had at most 1,234 MB" in str(found)
