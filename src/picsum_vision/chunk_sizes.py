"""How many rows a chunk of a job has. The job cuts by it, and the planner reckons with it.

The clock ends a chunk (`concurrency/stop_clock.py`), not its size: what a chunk does not get to is taken again later. So a size
need only be about right. A first chunk that is cut says what the interval holds; the ones after it ask for a little less, and
grow again as long as they are not cut.
"""

from __future__ import annotations

from typing import Final

_ROWS_PER_SECOND_AT_FIRST: Final = 100
_SHARE_OF_A_CUT: Final = 0.8
_GROWTH: Final = 1.25
_LARGEST_GROWTH: Final = 8
_AT_LEAST: Final = 8


def first_rows(interval_s: float) -> int:
    """Return how many rows the first chunk has, before anything is known of the speed."""
    return max(_AT_LEAST, int(interval_s * _ROWS_PER_SECOND_AT_FIRST))


def next_rows(planned: int, done: int, seconds: float, interval_s: float) -> int:
    """Return how many rows the chunk after one of `planned` rows is to have, of which `done` were done in `seconds`."""
    if done < planned:
        return max(_AT_LEAST, int(done * _SHARE_OF_A_CUT))
    growth = _SHARE_OF_A_CUT * interval_s / max(seconds, 0.001)
    return max(_AT_LEAST, int(done * min(max(growth, _GROWTH), _LARGEST_GROWTH)))
