"""How many rows a pass of a job has. The pipeline cuts by it, and the planner reckons with it."""

from __future__ import annotations

from typing import Final

_ROWS_PER_SECOND_AT_FIRST: Final = 20
_FIRST_AT_MOST: Final = 1_000
_LARGEST_GROWTH: Final = 8
_AT_LEAST: Final = 50
# Nothing is at work while the last pass is published: it is not to be a large one.
_SHARE_OF_WHAT_IS_LEFT: Final = 4
_NOT_SHARED_BELOW: Final = 1_000


def first_rows(interval_s: float) -> int:
    """Return how many rows the first pass has, before anything is known of the speed."""
    return max(_AT_LEAST, min(int(interval_s * _ROWS_PER_SECOND_AT_FIRST), _FIRST_AT_MOST))


def next_rows(rows: int, seconds: float, interval_s: float, *, last_wish: int) -> int:
    """Return how many rows the pass after one of `rows` in `seconds` is to have: as many as fit the interval.

    It grows by steps from `last_wish`, what that pass was to have.
    """
    wanted = int(rows * interval_s / max(seconds, 0.001))
    return max(_AT_LEAST, min(wanted, last_wish * _LARGEST_GROWTH))


def shared(wish: int, left: int) -> int:
    """Return how many of the rows that are left a pass takes that is to have `wish`."""
    return min(wish, left, max(_NOT_SHARED_BELOW, left // _SHARE_OF_WHAT_IS_LEFT))
