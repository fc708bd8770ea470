"""Faults and limits as settings: what is allowed, how they travel, which requests they meet."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picsum_vision.errors import SettingError
from picsum_vision.testing.image_server import Fault, RateLimit
from picsum_vision.testing.image_server.faults import FaultPlan


@given(st.floats(0.5, 100), st.integers(1, 20), st.lists(st.floats(0, 0.5), max_size=200))
def test_bucket_never_exceeds_its_rate(rate: float, burst: int, gaps: list[float]) -> None:
    """In any stretch of time no more than rate x time + burst pass, and waiting as told is enough."""
    bucket, now, passed, wait_s = RateLimit(requests_per_second=rate, burst=burst).bucket(), 0.0, 0, 0.0
    for gap in gaps:
        now += gap
        wait_s = bucket.take(now)
        passed += wait_s == 0
    assert passed <= rate * now + burst + 1e-6
    if wait_s:
        assert bucket.take(now + wait_s + 1e-6) == 0


@given(st.integers(0, 2**31), st.floats(0, 1))
def test_shares_depend_on_seed_and_path_alone(seed: int, share: float) -> None:
    """Two servers with one seed give the same paths the fault, and about the asked share of them."""
    paths = [f"/id/{number}/800/600" for number in range(600)]
    plans = [FaultPlan([Fault(kind="reset", share=share)], seed) for _ in range(2)]
    hit = [plans[0].choose("api", path) is not None for path in paths]
    other = [plans[1].choose("api", path) is not None for path in reversed(paths)]
    assert hit == list(reversed(other))
    assert abs(sum(hit) / len(hit) - share) < 0.12


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "nonsense"},
        {"share": 1.5},
        {"times": 0},
        {"host": "moon"},
        {"path": "("},
        {"status": 99},
        {"retry_after": "soon"},
        {"bytes_per_second": 0},
        {"location": "http://x\r\nSet-Cookie: a"},
        {"robots": "a\nb"},
        {"delay_s": -1},
    ],
)
def test_impossible_faults_are_refused(values: dict[str, Any]) -> None:
    """A fault that cannot be meant is refused in one line that names the setting."""
    with pytest.raises(SettingError, match=next(iter(values))) as refused:
        Fault(**{"kind": "status", **values})
    assert "\n" not in str(refused.value)


def test_faults_are_read_from_text() -> None:
    """A fault written as on the command line is the one that is meant, and nonsense is refused."""
    read = Fault.parse("status,status=429,share=0.05,times=1,retry_after=seconds")
    assert read == Fault(kind="status", status=429, share=0.05, times=1, retry_after="seconds")
    for nonsense in ("status,shar=1", "status,share", "status,share=x", "nonsense"):
        with pytest.raises(SettingError):
            Fault.parse(nonsense)
