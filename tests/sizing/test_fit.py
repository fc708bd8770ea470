"""The model's constants, found from measurements."""

from __future__ import annotations

import dataclasses
import random

import pytest
from suites import demand, suite

from picsum_vision.cli.entry import run
from picsum_vision.sizing.fit import Fit, default_fit, fit_results, predictions
from picsum_vision.sizing.model import Demand, job_time
from picsum_vision.sizing.summary import summary

START_S, ROW_S = 5.0, 0.004


def measured(noise: float = 0.0, **terms):
    lot = random.Random(1)

    def seconds(stage: str, images: int, repeat: int) -> float:
        exact = job_time(demand(**terms), images, START_S, ROW_S).seconds if stage == "total" else 1.0 + images / 400
        return exact * (1 + lot.uniform(-noise, noise))

    return suite(seconds, repeats=3, **terms)


@pytest.mark.parametrize(
    "terms",
    [
        {"model_latency_s": 3.0, "describe_in_flight_per_task": 64},
        {"image_latency_s": 1.0, "requests_per_minute": 3_000},
        {"requests_per_second_per_host": 100.0, "download_in_flight_per_task": 64},
    ],
)
def test_other_conditions_are_predicted(terms):
    """Constants found under one set of limits, with some noise, predict jobs under another set within a tenth."""
    fit = fit_results([measured(noise=0.03)])
    for found in predictions(measured(**terms), fit):
        assert abs(found["error"]) < 0.1, found


def test_what_was_measured_is_met():
    """Without noise the fit meets the measurements it was made of."""
    result = measured()
    fit = fit_results([result])
    assert all(abs(found["error"]) < 0.02 for found in predictions(result, fit))
    assert fit.source == "fitted to suite a"


def without_latency(**latency_ms: float):
    """Return a suite against real hosts, of the whole job alone, whose rows tell this latency."""
    result = measured()
    result.settings["demand"] |= {"image_latency_s": None, "model_latency_s": None, "is_fused": False}
    result.settings["own_servers"] = {"images": False, "model": False}
    for size in result.sizes:
        size.repeats = [{"total": dataclasses.replace(each["total"], latency_ms=latency_ms)} for each in size.repeats]
    return result


def test_latencies_are_those_of_the_whole_job_where_no_stage_was_measured_alone():
    """A suite of whole jobs against real hosts tells how long downloads and answers took."""
    found = Demand.of_result(without_latency(download_mean=400.0, describe_mean=2_500.0))
    assert (found.image_latency_s, found.model_latency_s) == (0.4, 2.5)


def test_nothing_is_learnt_of_answers_that_do_not_tell_their_latency(tmp_path, capsys):
    """AiQuery's outcomes have none: such a suite is neither fitted nor predicted, says why, and is refused where it is named."""
    result = without_latency(download_mean=400.0)
    assert fit_results([result]) is None
    assert predictions(result, default_fit()) == []
    assert "neither stated nor told by the rows" in summary(result)
    result.write(tmp_path)
    assert run(["plan", "--images", "1000", "--fit-from", str(tmp_path)]) == 2
    printed = capsys.readouterr().err
    assert "how long an answer takes was neither stated nor told by the rows" in printed
    assert printed.count("\n") == 1


def test_constants_that_nobody_measured_are_said_to_be_guesses():
    """Of whole jobs alone the job's constants are found; those of the stages stay the library's, and the source says so."""
    fit = fit_results([without_latency(download_mean=400.0, describe_mean=2_500.0)])
    assert fit.download == default_fit().download
    assert fit.source == f"fitted to suite a; download and describe alone: {default_fit().source}"


def test_nothing_is_fitted_to_nothing():
    """A suite in which no whole job was measured gives no constants."""
    result = measured()
    for size in result.sizes:
        for repeat in size.repeats:
            del repeat["total"]
    assert fit_results([result]) is None


def test_constants_travel_as_plain_values():
    """A fit read back is the same; the library's own is complete and says where it is from."""
    fit = default_fit()
    assert Fit.from_dict(dataclasses.asdict(fit)) == fit
    assert fit.source.startswith("the library's own")
    assert dataclasses.replace(fit, source="") == Fit.from_dict({**dataclasses.asdict(fit), "source": ""})
