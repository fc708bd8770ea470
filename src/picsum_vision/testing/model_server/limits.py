"""The embedded model server's limits a minute, as token buckets, and the headers that state them."""

from __future__ import annotations

import email.utils
import enum
import math
import time
from typing import Final

from picsum_vision.testing.common import TokenBucket
from picsum_vision.testing.model_server.errors import ApiError

_PREFIX: Final = "llm_provider-"
_MINUTE_S: Final = 60.0
_SECOND_MS: Final = 1000


class RetryAfter(str, enum.Enum):
    """How a refusal says when to come again."""

    SECONDS = "seconds"  # Retry-After: 3
    DATE = "date"  # Retry-After: Tue, 03 Nov 2026 10:00:03 GMT
    PREFIXED = "prefixed"  # llm_provider-retry-after and llm_provider-x-ratelimit-*, as a gateway rewraps them
    NONE = "none"  # no Retry-After; x-ratelimit-reset-* alone says it
    SILENT = "silent"  # nothing at all


class RateLimits:
    """Both limits of one server. A refused request takes nothing from either."""

    def __init__(self, limits: dict[str, int | None], burst_s: float, form: RetryAfter) -> None:
        """Start with full buckets that hold `burst_s` seconds' worth; `limits` a minute by name, None is no limit."""
        self._limits = {what: limit for what, limit in limits.items() if limit is not None}
        self._form = form
        self._buckets = {
            what: TokenBucket(limit / _MINUTE_S, max(1.0, limit * burst_s / _MINUTE_S)) for what, limit in self._limits.items()
        }

    def refusal(self, model: str, tokens: int = 1, *, take: bool = True) -> ApiError | None:
        """Take one request of `tokens`, or only look whether it could be had; return the 429 if it cannot."""
        asked, now_s = {"requests": 1, "tokens": tokens}, time.monotonic()
        waits = {
            what: bucket.wait_s(asked[what], now_s) for what, bucket in self._buckets.items() if asked[what] > bucket.level(now_s)
        }
        if not waits:
            for what, bucket in self._buckets.items() if take else ():
                bucket.take(now_s, asked[what])
            return None
        what = max(waits, key=lambda name: waits[name])
        fits = asked[what] <= self._buckets[what].capacity
        said = f"try again in {_span(waits[what])}" if fits else f"your request of {asked[what]} is too large"
        message = f"Rate limit reached for {model} on {what} per min: Limit {self._limits[what]}; {said}."
        headers = retry_headers(self._form, waits[what], self.headers({what: waits[what]}))
        return ApiError(429, message, kind=what, code="rate_limit_exceeded", headers=headers)

    def headers(self, waits: dict[str, float] | None = None) -> dict[str, str]:
        """Return x-ratelimit-limit-*, -remaining-* and -reset-*.

        A reset is what `waits` says, the time until a refused request fits, else the time until the bucket is full again.
        """
        now_s = time.monotonic()
        headers = {}
        for what, bucket in self._buckets.items():
            wait_s = (waits or {}).get(what, bucket.wait_s(bucket.capacity, now_s))
            headers[f"x-ratelimit-limit-{what}"] = str(self._limits[what])
            headers[f"x-ratelimit-remaining-{what}"] = str(int(bucket.level(now_s)))
            headers[f"x-ratelimit-reset-{what}"] = _span(wait_s)
        return headers


def retry_headers(form: RetryAfter, wait_s: float, stated: dict[str, str] | None = None) -> dict[str, str]:
    """Return what a refusal of `form` says about `wait_s`, together with the `stated` x-ratelimit-* headers."""
    seconds = str(max(1, math.ceil(wait_s)))
    if stated is None:
        stated = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": _span(wait_s)}
    if form is RetryAfter.SILENT:
        return {}
    if form is RetryAfter.NONE:
        return stated
    if form is RetryAfter.PREFIXED:
        return {f"{_PREFIX}{name}": value for name, value in {**stated, "retry-after": seconds}.items()}
    # A date has whole seconds: round up, so that nobody comes too early.
    date = email.utils.formatdate(math.ceil(time.time() + wait_s), usegmt=True)
    return {**stated, "Retry-After": date if form is RetryAfter.DATE else seconds}


def _span(seconds: float) -> str:
    """Write a time as OpenAI does: 120ms, 8.64s, 1m30.5s."""
    milliseconds = math.ceil(round(seconds * _SECOND_MS, 6))
    if milliseconds < _SECOND_MS:
        return f"{milliseconds}ms"
    minutes, rest = divmod(milliseconds, 60_000)
    text = f"{rest / _SECOND_MS:.3f}".rstrip("0").rstrip(".") + "s"
    return f"{minutes}m{text}" if minutes else text
