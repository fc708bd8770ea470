"""How long the far side asks us to wait."""

from __future__ import annotations

import datetime as dt
import email.utils
import math
import re
from collections.abc import Mapping

_RESET_HEADERS = ("x-ratelimit-reset-requests", "x-ratelimit-reset-tokens", "x-ratelimit-reset")
_DURATION = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>ms|s|m|h|d)")
# Commas stand between values, and behind a date's day of the week.
_ONE_VALUE = re.compile(r"(?:[A-Za-z]{3,9},\s*(?=\d\d?[ -]))?[^,]+")
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_EPOCH_IF_ABOVE = 1_000_000_000


def retry_after_s(headers: Mapping[str, str], now: dt.datetime) -> float | None:
    """Return the seconds that the answer asks for, None if it asks for none.

    Retry-After comes in seconds or as an HTTP date, from gateways under a prefixed name, the longest where it is there
    several times; some say it in `x-ratelimit-reset-*` only, as a duration ("1m30s", "250ms"), seconds or a Unix time. Where
    several limits have a reset, the nearest one counts only if it is the one that is used up; what remains is not told reliably,
    so the longest is taken.
    """
    lowered = {name.lower(): value.strip() for name, value in headers.items()}
    for name, value in lowered.items():
        if name == "retry-after" or name.endswith("-retry-after"):
            asked_s = _longest_s(value, now)
            if asked_s is not None:
                return asked_s
    exhausted = [_duration_s(lowered[name], now) for name in _RESET_HEADERS if name in lowered and _is_used_up(lowered, name)]
    resets = [reset_s for reset_s in exhausted if reset_s is not None]
    return max(resets, default=None)


def _is_used_up(headers: Mapping[str, str], reset_name: str) -> bool:
    remaining = headers.get(reset_name.replace("reset", "remaining"))
    return remaining is None or remaining in ("0", "0.0") or remaining.startswith("-")


def _longest_s(value: str, now: dt.datetime) -> float | None:
    """Read the longest of the values: a host and the gateway before it may each have sent the field."""
    several = [_seconds_or_date(each.strip(), now) for each in _ONE_VALUE.findall(value)]
    return max((asked_s for asked_s in several if asked_s is not None), default=None)


def _seconds_or_date(value: str, now: dt.datetime) -> float | None:
    try:
        seconds = float(value)
    except ValueError:
        return _until_date_s(value, now)
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _until_date_s(value: str, now: dt.datetime) -> float | None:
    try:
        when = email.utils.parsedate_to_datetime(value)
        when = when if when.tzinfo else when.replace(tzinfo=dt.timezone.utc)
        return max(0.0, (when - now).total_seconds())
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


def _duration_s(value: str, now: dt.datetime) -> float | None:
    parts = _DURATION.findall(value)
    if parts and "".join(number + unit for number, unit in parts) == value:
        return sum(float(number) * _UNIT_S[unit] for number, unit in parts)
    asked = _seconds_or_date(value, now)
    if asked is not None and asked > _EPOCH_IF_ABOVE:
        return max(0.0, asked - now.timestamp())
    return asked
