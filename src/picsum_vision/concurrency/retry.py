"""When a failed attempt is tried again: the only place that decides it."""

from __future__ import annotations

import dataclasses
import random

_FIRST_DELAY_S = 0.5
_LONGEST_DELAY_S = 30.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """Exponential waits with full jitter, never before what the far side asked for, bounded in attempts and in waiting time."""

    max_attempts: int
    max_wait_s: float

    def delay_s(self, *, attempts: int, waited_s: float, asked_s: float | None, rng: random.Random) -> float | None:
        """Return the seconds to wait before the next attempt, or None to give up.

        `attempts` made so far (at least 1), `waited_s` spent in waits so far, `asked_s` from Retry-After if it was there.
        """
        if attempts >= self.max_attempts:
            return None
        ceiling_s = min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2 ** (attempts - 1))
        jitter_s = rng.uniform(0, ceiling_s)
        # What was asked for is a lower bound; the jitter keeps rows that were refused together from coming back together.
        delay_s = jitter_s if asked_s is None else asked_s + min(jitter_s, 1.0)
        return delay_s if waited_s + delay_s <= self.max_wait_s else None
