"""A limit on requests per second, as a front server like nginx keeps it for each host."""

from __future__ import annotations

import dataclasses
import math
from typing import Literal

from picsum_vision.errors import SettingError


@dataclasses.dataclass(frozen=True, kw_only=True)
class RateLimit:
    """At most `requests_per_second` on each host, `burst` of them at once; what is above is answered `status`.

    `burst` None: one second's worth. `retry_after` says how long to wait: in `seconds`, as a `date`, or (None) not at all.
    """

    requests_per_second: float
    burst: int | None = None
    status: Literal[429, 503] = 429
    retry_after: Literal["seconds", "date"] | None = "seconds"

    def __post_init__(self) -> None:
        """Refuse what cannot be meant, naming the setting, its value and what is allowed."""
        rate = self.requests_per_second
        if not isinstance(rate, (int, float)) or not 0 < rate < math.inf:
            raise SettingError(f"RateLimit: requests_per_second is {rate!r}; allowed is a number above 0")
        if self.burst is not None and (not isinstance(self.burst, int) or self.burst < 1):
            raise SettingError(f"RateLimit: burst is {self.burst!r}; allowed is None or a whole number from 1")
        if self.status not in {429, 503}:
            raise SettingError(f"RateLimit: status is {self.status!r}; allowed is 429 or 503")
        if self.retry_after not in {None, "seconds", "date"}:
            raise SettingError(f"RateLimit: retry_after is {self.retry_after!r}; allowed is None, 'seconds' or 'date'")


class TokenBucket:
    """Lets `requests_per_second` through, `burst` at once."""

    def __init__(self, limit: RateLimit) -> None:
        """Begin full."""
        self._rate = float(limit.requests_per_second)
        self._burst = float(limit.burst if limit.burst is not None else max(1, math.ceil(self._rate)))
        self.refill()

    def refill(self) -> None:
        """Begin anew, full."""
        self._tokens = self._burst
        self._updated_s: float | None = None

    def take(self, now_s: float) -> float:
        """Take a place at the time `now_s` and return 0.0, or return the seconds until there is one."""
        if self._updated_s is not None:
            self._tokens = min(self._burst, self._tokens + (now_s - self._updated_s) * self._rate)
        self._updated_s = now_s
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self._rate
