"""The rate that a client without any cost of its own would have: only the waits, only so many requests in flight."""

from __future__ import annotations

import functools
import heapq
import math
import random
import statistics
from typing import Final

# Many rows vary less, and take longer to draw.
_ROWS_IN_ALL: Final = 25_000
_DRAWS: Final = 5
# As picsum_vision.testing has it where nothing else is said.
_SIGMA: Final = 0.5


def ideal_said(in_flight: int) -> str:
    """Say what :func:`ideal_rate` is."""
    return f"simulated: the waits alone, {in_flight:,} at once, two for each row, no work between them"


@functools.cache
def ideal_rate(rows: int, in_flight: int, mean_s: float) -> float:
    """Return rows per second where each row is two lognormal waits, one after the other, and `in_flight` are waited for at once.

    All first waits come before any second one: what is left at the end then is one wait of a row, not two, which no other order
    beats by much. The median of a few draws.
    """
    draws = max(1, min(_DRAWS, _ROWS_IN_ALL // rows))
    return rows / statistics.median(_seconds(rows, in_flight, mean_s, random.Random(seed)) for seed in range(draws))  # noqa: S311 - waits of a simulation


def _seconds(rows: int, in_flight: int, mean_s: float, rng: random.Random) -> float:
    mu = math.log(mean_s) - _SIGMA**2 / 2
    first, second, now = rows, 0, 0.0
    ends: list[tuple[float, bool]] = []
    while True:
        while len(ends) < in_flight and first + second:
            is_first = first > 0
            first, second = first - is_first, second - (not is_first)
            heapq.heappush(ends, (now + rng.lognormvariate(mu, _SIGMA), is_first))
        if not ends:
            return now
        now, was_first = heapq.heappop(ends)
        second += was_first
