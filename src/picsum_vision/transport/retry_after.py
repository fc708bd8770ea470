"""How long the far side asks us to wait."""

from __future__ import annotations

import datetime as dt
import email.utils
import math
import re
from collections.abc import Callable, Mapping

_RESET_HEADERS = ("x-ratelimit-reset-requests", "x-ratelimit-reset-tokens", "x-ratelimit-reset")
_DURATION = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>ms|s|m|h|d)")
# Commas stand between values, and behind a date's day of the week.
_ONE_VALUE = re.compile(r"(?:[A-Za-z]{3,9},\s*(?=\d\d?[ -]))?[^,]+")
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_EPOCH_IF_ABOVE = 1_000_000_000
_EPOCH_MS_IF_ABOVE = 100_000_000_000
# Nobody asks for so long a silence: what says so is in another unit than we know.
_LONGEST_S = 366 * 86_400
# Nanoseconds, as Go writes them, are more than Python reads.
_RFC_3339 = re.compile(r"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def retry_after_s(headers: Mapping[str, str], now: dt.datetime) -> float | None:
    """Return the seconds that the answer asks for, None if it asks for none.

    Retry-After comes in seconds or as a date (HTTP's or RFC 3339's), as `retry-after-ms` in milliseconds, from gateways under a
    prefixed name, the longest where it is there several times; some say it in `x-ratelimit-reset-*` only, as a duration
    ("1m30s", "250ms"), seconds, a date or a Unix time in seconds or milliseconds. Where several limits have a reset, the nearest
    one counts only if it is the one that is used up; what remains is not told reliably, so the longest is taken. More than a year
    is nothing.
    """
    lowered = {name.lower(): value.strip() for name, value in headers.items()}
    for ending, read in (("retry-after-ms", _milliseconds), ("retry-after", _seconds_or_date)):
        for name, value in lowered.items():
            if name == ending or name.endswith(f"-{ending}"):
                asked_s = _longest_s(read, value, now)
                if asked_s is not None:
                    return asked_s
    exhausted = [_duration_s(lowered[name], now) for name in _RESET_HEADERS if name in lowered and _is_used_up(lowered, name)]
    resets = [reset_s for reset_s in map(_believed, exhausted) if reset_s is not None]
    return max(resets, default=None)


def _believed(asked_s: float | None) -> float | None:
    return None if asked_s is None or asked_s > _LONGEST_S else asked_s


def _is_used_up(headers: Mapping[str, str], reset_name: str) -> bool:
    remaining = headers.get(reset_name.replace("reset", "remaining"))
    return remaining is None or remaining in ("0", "0.0") or remaining.startswith("-")


def _longest_s(read: Callable[[str, dt.datetime], float | None], value: str, now: dt.datetime) -> float | None:
    """Read the longest of the values: a host and the gateway before it may each have sent the field."""
    several = [_believed(read(each.strip(), now)) for each in _ONE_VALUE.findall(value)]
    return max((asked_s for asked_s in several if asked_s is not None), default=None)


def _milliseconds(value: str, now: dt.datetime) -> float | None:  # noqa: ARG001 - read as the other forms are
    try:
        milliseconds = float(value)
    except ValueError:
        return None
    return max(0.0, milliseconds) / 1000 if math.isfinite(milliseconds) else None


def _seconds_or_date(value: str, now: dt.datetime) -> float | None:
    try:
        seconds = float(value)
    except ValueError:
        return _until_date_s(value, now)
    if not math.isfinite(seconds):
        return None
    if seconds > _EPOCH_IF_ABOVE:
        epoch_s = seconds / 1000 if seconds > _EPOCH_MS_IF_ABOVE else seconds
        return max(0.0, epoch_s - now.timestamp())
    return max(0.0, seconds)


def _until_date_s(value: str, now: dt.datetime) -> float | None:
    try:
        when = _rfc_3339(value) or email.utils.parsedate_to_datetime(value)
        when = when if when.tzinfo else when.replace(tzinfo=dt.timezone.utc)
        return max(0.0, (when - now).total_seconds())
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


def _rfc_3339(value: str) -> dt.datetime | None:
    parts = _RFC_3339.fullmatch(value)
    if parts is None:
        return None
    fraction = (parts[2] or ".0")[:7].ljust(7, "0")
    return dt.datetime.fromisoformat(f"{parts[1]}{fraction}{'+00:00' if parts[3] in 'Zz' else parts[3]}")


def _duration_s(value: str, now: dt.datetime) -> float | None:
    parts = _DURATION.findall(value)
    if parts and "".join(number + unit for number, unit in parts) == value:
        return sum(float(number) * _UNIT_S[unit] for number, unit in parts)
    return _seconds_or_date(value, now)
