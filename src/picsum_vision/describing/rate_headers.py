"""What a successful answer says of the limits behind it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import NamedTuple

from picsum_vision.transport.retry_after import retry_after_s

_KINDS = ("requests", "tokens")
_MINUTE_S = 60.0


def pause_after_answer_s(headers: Mapping[str, str], now: dt.datetime) -> float:
    """Return the seconds to keep silent after a good answer that says that nothing is left of a limit.

    `x-ratelimit-reset-*` is when all of the limit is back; the time in which one request's part of it comes back is enough. Where
    that is too short, the next refusal says so itself.
    """
    lowered = _lowered(headers)
    return max(_pause_s(lowered, kind, now) for kind in _KINDS)


class Allowance(NamedTuple):
    """Requests a second that an endpoint says it allows, and how many are left just now; None where it does not say."""

    per_second: float | None = None
    left: float | None = None


def told_allowance(headers: Mapping[str, str]) -> Allowance:
    """Return what `x-ratelimit-limit-requests` and `-remaining-requests` say; the limit is one a minute, as OpenAI means it."""
    lowered = _lowered(headers)
    limit, left = (_number(lowered.get(f"x-ratelimit-{word}-requests")) for word in ("limit", "remaining"))
    return Allowance(limit / _MINUTE_S, left) if limit is not None and limit > 0 else Allowance()


def _lowered(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value.strip() for name, value in headers.items()}


def _pause_s(headers: Mapping[str, str], kind: str, now: dt.datetime) -> float:
    remaining, limit = _number(headers.get(f"x-ratelimit-remaining-{kind}")), _number(headers.get(f"x-ratelimit-limit-{kind}"))
    if remaining is None or limit is None or remaining > 0 or limit < 1:
        return 0.0
    name = f"x-ratelimit-reset-{kind}"
    reset_s = retry_after_s({name: headers.get(name, "")}, now)
    return (reset_s or 0.0) / limit


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
