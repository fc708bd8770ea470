"""Spreads and ratios of the benchmarks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample import run, runs

from benchmarks.harness.statistics import larger, quotients, ratios, spread, summary

RATES = st.floats(min_value=0.01, max_value=1e6)


@given(st.lists(RATES, min_size=1))
def test_a_spread_holds_its_median_between_its_ends(values):
    """The median lies between minimum and maximum, which are among the values."""
    found = spread(values)
    assert found["min"] <= found["median"] <= found["max"]
    assert {found["min"], found["max"]} <= set(values)


@given(st.lists(st.tuples(RATES, RATES), min_size=1, max_size=20))
def test_a_ratio_is_of_the_same_round(pairs):
    """Each quotient is of two figures of one round, in whatever order the rounds stand."""
    ours = [run(number, one) for number, (one, _) in enumerate(pairs, 1)]
    base = [run(number, other) for number, (_, other) in enumerate(pairs, 1)]
    assert quotients(ours, base[::-1], "rows_per_second") == [one / other for one, other in pairs]


def test_a_ratio_is_the_median_of_quotients_and_no_quotient_of_medians():
    """Where rounds differ, ratios are taken round by round."""
    assert ratios(runs()["g", "ours"][1:], runs()["g", "bare"][1:])["rows_per_second"] == {"median": 0.5, "min": 0.25, "max": 0.9}


def test_a_round_that_failed_on_either_side_has_no_ratio():
    """A failed round is in no ratio and in no median."""
    peer, bare = runs()["g", "peer"][1:], runs()["g", "bare"][1:]
    assert quotients(peer, bare, "rows_per_second") == [1.5, 0.5]
    assert quotients(bare, peer, "rows_per_second") == [200 / 300, 2.0]
    assert summary(peer)["rows_per_second"] == {"median": 250, "min": 200, "max": 300}


def test_what_is_added_is_added_to_the_base():
    """`plus` makes the base larger: seconds with stragglers over those without plus the straggler."""
    assert quotients([run(1, 1, seconds=18)], [run(1, 1, seconds=10)], "seconds", 8) == [1]


@pytest.mark.parametrize("rounds", [[], [{"round": 1, "failed": "x"}]])
def test_of_nothing_there_is_no_figure(rounds):
    """Without a round that went through there are neither medians nor ratios."""
    assert summary(rounds) == {}
    assert ratios(rounds, runs()["g", "bare"]) == {}


def test_the_larger_of_two_is_taken_round_by_round():
    """Where the base is the longer of two, it is so in each round, and only where both were measured."""
    one = [run(1, 1, seconds=10), run(2, 1, seconds=3), run(3, 1, seconds=1)]
    other = [run(2, 1, seconds=4), run(1, 1, seconds=8), {"round": 3, "failed": "x"}]
    both = [run(1, 1, seconds=11), run(2, 1, seconds=6), run(3, 1, seconds=2)]
    assert quotients(both, larger(one, other, "seconds"), "seconds") == [1.1, 1.5]
