"""Checks of settings: each failure is one line that names the setting, its value and what is allowed."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Iterable
from typing import Any

from picsum_vision.errors import SettingError


def check_integer(name: str, value: Any, *, minimum: int, maximum: int | None = None, optional: bool = False) -> None:
    """Refuse a value that is not an integer from `minimum` to `maximum` (None: no upper end)."""
    if value is None and optional:
        return
    allowed = f"an integer of at least {minimum}" if maximum is None else f"an integer from {minimum} to {maximum}"
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum or (maximum is not None and value > maximum):
        raise SettingError(_refusal(name, value, allowed, optional=optional))


def check_number(
    name: str,
    value: Any,
    *,
    above: float | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    optional: bool = False,
) -> None:
    """Refuse a value that is not a finite number within the bounds: more than `above`, at least `minimum`, at most `maximum`."""
    if value is None and optional:
        return
    bounds = [
        f"{words} {bound:g}"
        for words, bound in (("more than", above), ("at least", minimum), ("at most", maximum))
        if bound is not None
    ]
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if (
        not is_number
        or (above is not None and value <= above)
        or (minimum is not None and value < minimum)
        or (maximum is not None and value > maximum)
    ):
        raise SettingError(_refusal(name, value, f"a number of {' and '.join(bounds)}", optional=optional))


def check_flag(name: str, value: Any) -> None:
    """Refuse anything but True or False."""
    if not isinstance(value, bool):
        raise SettingError(_refusal(name, value, "true or false"))


def check_text(name: str, value: Any, *, optional: bool = False) -> None:
    """Refuse anything but a string with more than white space in it."""
    if value is None and optional:
        return
    if not isinstance(value, str) or not value.strip():
        raise SettingError(_refusal(name, value, "a text that is not empty", optional=optional))


def check_choice(name: str, value: Any, allowed: Collection[str]) -> None:
    """Refuse a value that is not one of `allowed`; the message names the nearest one."""
    if value not in allowed:
        words = ", ".join(f'"{word}"' for word in allowed)
        raise SettingError(f"{_refusal(name, value, f'one of {words}')}{did_you_mean(value, allowed)}")


def did_you_mean(word: Any, known: Iterable[str]) -> str:
    """Return ` (did you mean "..."?)` for the nearest known word, or nothing."""
    by_lower = {name.lower(): name for name in known}
    nearest = difflib.get_close_matches(str(word).lower(), by_lower, n=1, cutoff=0.6)
    return f' (did you mean "{by_lower[nearest[0]]}"?)' if nearest else ""


def _refusal(name: str, value: Any, allowed: str, *, optional: bool = False) -> str:
    return f"{name}: {value!r} is not allowed; it must be {allowed}{' or left out' if optional else ''}"
