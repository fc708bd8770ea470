"""The embedded model server's limits a minute, as token buckets, and the headers that state them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import email.utils
import enum
import math
import time
from typing import Final

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


class TokenBucket:
    """Holds what may be taken at once and refills evenly.

    In any stretch of w seconds at most `capacity + per_minute * w / 60` is taken. Times are monotonic seconds.
    """

    def __init__(self, per_minute: float, burst_s: float, now_s: float) -> None:
        """Start full: `burst_s` seconds' worth of `per_minute`, at least 1."""
        self.capacity = max(1.0, per_minute * burst_s / _MINUTE_S)
        self._rate = per_minute / _MINUTE_S
        self._level = self.capacity
        self._at_s = now_s

    def level(self, now_s: float) -> float:
        """Return how much is there."""
        if now_s > self._at_s:
            self._level = min(self.capacity, self._level + (now_s - self._at_s) * self._rate)
            self._at_s = now_s
        return self._level

    def wait_s(self, amount: float, now_s: float) -> float:
        """Return the seconds until `amount` is there (0: now; more than fits: until full)."""
        return max(0.0, min(amount, self.capacity) - self.level(now_s)) / self._rate

    def has(self, amount: float, now_s: float) -> bool:
        """Say whether `amount` may be taken now."""
        return amount <= self.level(now_s)

    def take(self, amount: float) -> None:
        """Take what :meth:`has` said is there."""
        self._level -= amount


@dataclasses.dataclass(frozen=True)
class Refusal:
    """A request over a limit: which one ("requests" or "tokens"), and the seconds to wait."""

    what: str
    limit: int
    asked: int
    wait_s: float
    fits: bool

    def error(self, model: str, headers: dict[str, str]) -> ApiError:
        """Return the 429 with OpenAI's wording."""
        unit = f"{self.what} per min ({'RPM' if self.what == 'requests' else 'TPM'})"
        if self.fits:
            message = f"Rate limit reached for {model} on {unit}: Limit {self.limit}. Please try again in {_span(self.wait_s)}."
        else:
            message = f"Request too large for {model} on {unit}: Limit {self.limit}, Requested {self.asked}."
        return ApiError(429, message, kind=self.what, code="rate_limit_exceeded", headers=headers)


class RateLimits:
    """Both limits of one server. A refused request takes nothing from either."""

    def __init__(self, requests_per_minute: int | None, tokens_per_minute: int | None, burst_s: float) -> None:
        """Start with full buckets; None is no limit."""
        self._limits = {
            what: limit for what, limit in (("requests", requests_per_minute), ("tokens", tokens_per_minute)) if limit is not None
        }
        self._buckets = {what: TokenBucket(limit, burst_s, time.monotonic()) for what, limit in self._limits.items()}

    def refuses_any(self) -> Refusal | None:
        """Say whether even the smallest request would be refused now; takes nothing."""
        return self._refusal({"requests": 1, "tokens": 1}, time.monotonic())

    def admit(self, tokens: int) -> Refusal | None:
        """Take one request of `tokens`, or say why not."""
        asked, now_s = {"requests": 1, "tokens": tokens}, time.monotonic()
        refusal = self._refusal(asked, now_s)
        if refusal is None:
            for what, bucket in self._buckets.items():
                bucket.take(asked[what])
        return refusal

    def _refusal(self, asked: dict[str, int], now_s: float) -> Refusal | None:
        waits = {
            what: bucket.wait_s(asked[what], now_s)
            for what, bucket in self._buckets.items()
            if not bucket.has(asked[what], now_s)
        }
        if not waits:
            return None
        what = max(waits, key=lambda name: waits[name])
        return Refusal(what, self._limits[what], asked[what], waits[what], asked[what] <= self._buckets[what].capacity)

    def headers(self, refusal: Refusal | None = None) -> dict[str, str]:
        """Return x-ratelimit-limit-*, -remaining-* and -reset-*.

        A reset is the time until the refused request fits, and without a refusal until the bucket is full again.
        """
        now_s = time.monotonic()
        headers = {}
        for what, bucket in self._buckets.items():
            wait_s = refusal.wait_s if refusal and refusal.what == what else bucket.wait_s(bucket.capacity, now_s)
            headers[f"x-ratelimit-limit-{what}"] = str(self._limits[what])
            headers[f"x-ratelimit-remaining-{what}"] = str(int(bucket.level(now_s)))
            headers[f"x-ratelimit-reset-{what}"] = _span(wait_s)
        return headers


def retry_headers(form: RetryAfter, wait_s: float, stated: dict[str, str]) -> dict[str, str]:
    """Return what a refusal of `form` says about `wait_s`, together with the `stated` x-ratelimit-* headers."""
    seconds = str(max(1, math.ceil(wait_s)))
    if form is RetryAfter.SILENT:
        return {}
    if form is RetryAfter.NONE:
        return stated
    if form is RetryAfter.PREFIXED:
        return {f"{_PREFIX}{name}": value for name, value in {**stated, "retry-after": seconds}.items()}
    if form is RetryAfter.DATE:
        # A date has whole seconds: round up, so that nobody comes too early.
        at = dt.datetime.fromtimestamp(math.ceil(time.time() + wait_s), dt.timezone.utc)
        return {**stated, "Retry-After": email.utils.format_datetime(at, usegmt=True)}
    return {**stated, "Retry-After": seconds}


def reset_header(wait_s: float) -> dict[str, str]:
    """Return the x-ratelimit-* headers of a server that says "no request left for `wait_s` seconds"."""
    return {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": _span(wait_s)}


def _span(seconds: float) -> str:
    """Write a time as OpenAI does: 120ms, 8.64s, 1m30.5s."""
    milliseconds = math.ceil(round(seconds * _SECOND_MS, 6))
    if milliseconds < _SECOND_MS:
        return f"{milliseconds}ms"
    minutes, rest = divmod(milliseconds, 60_000)
    text = f"{rest / _SECOND_MS:.3f}".rstrip("0").rstrip(".") + "s"
    return f"{minutes}m{text}" if minutes else text
