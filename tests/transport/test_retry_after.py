"""What hosts say about coming back is understood in all its forms."""

from __future__ import annotations

import datetime as dt
import email.utils

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picsum_vision.transport.retry_after import retry_after_s

NOW = dt.datetime(2026, 11, 2, 12, 0, 0, tzinfo=dt.timezone.utc)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"Retry-After": "0"}, 0.0),
        ({"Retry-After": "-3"}, 0.0),
        ({"Retry-After": "Mon, 02 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"Retry-After": "Monday, 02-Nov-26 12:00:30 GMT"}, 30.0),
        ({"Retry-After": "Mon, 02 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": ""}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "5, 5"}, 5.0),
        ({"Retry-After": "5,soon,120"}, 120.0),
        ({"Retry-After": "5, Mon, 02 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"Retry-After": "Monday, 02-Nov-26 12:00:30 GMT, 100"}, 100.0),
        ({"Retry-After": "Mon, 02 Nov 2026 12:00:30 GMT, Mon, 02 Nov 2026 12:00:20 GMT"}, 30.0),
        ({"Retry-After": "soon, later"}, None),
        ({"Retry-After": "100, 5", "x-ratelimit-reset": "7"}, 100.0),
        ({"llm_provider-retry-after": "4"}, 4.0),
        ({"retry-after-ms": "1250"}, 1.25),
        ({"llm_provider-retry-after-ms": "250", "llm_provider-retry-after": "1"}, 0.25),
        ({"retry-after": "2", "retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2.0),
        ({"Retry-After": "2026-11-02T12:00:30Z"}, 30.0),
        ({"x-ratelimit-reset-requests": "2026-11-02T13:00:15.5+01:00"}, 15.5),
        ({"x-ratelimit-reset-requests": "2026-11-02T12:00:15.123456789Z"}, 15.123456),
        ({"x-ratelimit-reset": str(1000 * (int(NOW.timestamp()) + 12))}, 12.0),
        ({"Retry-After": str(int(NOW.timestamp()) + 12)}, 12.0),
        ({"x-ratelimit-reset": "99999999999999"}, None),
        ({"Retry-After": "40000000"}, None),
        ({"Retry-After": "Tue, 02 Nov 2032 12:00:30 GMT", "x-ratelimit-reset": "9"}, 9.0),
        ({"Retry-After": "soon", "x-ratelimit-reset-requests": "1m30s"}, 90.0),
        ({"x-ratelimit-reset-tokens": "250ms"}, 0.25),
        ({"x-ratelimit-reset": str(int(NOW.timestamp()) + 12)}, 12.0),
        ({"x-ratelimit-reset-requests": "9s", "x-ratelimit-remaining-requests": "3"}, None),
        ({"x-ratelimit-reset-requests": "9s", "x-ratelimit-remaining-requests": "0"}, 9.0),
    ],
    ids=str,
)
def test_forms(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds, milliseconds, dates, prefixed names, durations and Unix times are read; nonsense, and over a year, is nothing."""
    assert retry_after_s(headers, NOW) == seconds


@given(seconds=st.integers(0, 10**6))
def test_a_date_is_as_good_as_seconds(seconds: int) -> None:
    """A date that lies n seconds ahead asks for n seconds."""
    date = email.utils.format_datetime(NOW + dt.timedelta(seconds=seconds), usegmt=True)
    assert retry_after_s({"Retry-After": date}, NOW) == retry_after_s({"Retry-After": str(seconds)}, NOW) == seconds


@given(text=st.text(max_size=40))
def test_any_text(text: str) -> None:
    """Any header value is read as finite seconds of at least 0, or as nothing."""
    for name in ("Retry-After", "x-ratelimit-reset"):
        asked_s = retry_after_s({name: text}, NOW)
        assert asked_s is None or 0 <= asked_s < float("inf")
