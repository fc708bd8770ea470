"""Of what was used lately nothing is lost, and of the rest nothing stays."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picsum_vision.concurrency import silences
from picsum_vision.concurrency.recent import Recent
from picsum_vision.concurrency.silences import Silences


@given(asked=st.lists(st.integers(0, 8), max_size=60), most=st.integers(1, 6))
def test_the_last_ones_are_kept(asked: list[int], most: int) -> None:
    """A key that is among the last so many different ones gives the value it gave before; any other one is made anew."""
    recent, made = Recent(most), dict[int, object]()
    for place, key in enumerate(asked):
        lately = list(dict.fromkeys(reversed(asked[:place])))[:most]
        value = recent.keep(key, object)
        assert (value is made.get(key)) == (key in lately)
        made[key] = value
    assert len(recent) == min(most, len(set(asked)))


def test_silences_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many hosts ask for a long silence, some are remembered: those that are not over, the latest first."""
    monkeypatch.setattr(silences, "KEPT_AT_MOST", 10)
    known = Silences()
    known.waited_for_s("over", 0.001, 0.0)
    time.sleep(0.01)
    for number in range(10):
        known.waited_for_s(str(number), 1_000.0, 1.0)
    assert all(known.left_s(str(number)) > 900 for number in range(10))
    for number in range(10, 35):
        known.waited_for_s(str(number), 1_000.0, 1.0)
    assert [number for number in range(35) if known.left_s(str(number)) > 0] == list(range(25, 35))
