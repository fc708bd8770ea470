"""What both embedded servers share: checks of their settings, draws by lot, a limit on what may be taken."""

from __future__ import annotations

import enum
import hashlib
import math
from typing import TypeVar

from picsum_vision.errors import SettingError

_Word = TypeVar("_Word", bound=enum.Enum)


def require(holds: bool, setting: str, value: object, allowed: str) -> None:  # noqa: FBT001 - the checked condition itself
    """Refuse a setting in one line that names it, its value and what is allowed."""
    if not holds:
        raise SettingError(f"{setting} is {value!r}; allowed is {allowed}")


def as_word(kind: type[_Word], value: object, setting: str) -> _Word:
    """Return `value` as a member of the enum `kind`; :class:`SettingError` lists the allowed words."""
    try:
        return kind(value)
    except ValueError as error:
        allowed = ", ".join(str(member.value) for member in kind)
        raise SettingError(f"{setting} is {value!r}; allowed is one of {allowed}") from error


def is_number(value: object, least: float, most: float = math.inf) -> bool:
    """Say whether `value` is a number within the bounds; True and False are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and least <= value <= most


def is_whole(value: object, least: int, most: float = math.inf) -> bool:
    """Say whether `value` is a whole number within the bounds."""
    return isinstance(value, int) and is_number(value, least, most)


def is_drawn(share: float, lot: str) -> bool:
    """Say whether `lot` is among the `share` (0 to 1) of lots that win: always the same ones."""
    digest = hashlib.sha256(lot.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:6], "big") / 2**48 < share


class TokenBucket:
    """Holds what may be taken at once and refills evenly: in w seconds at most `capacity + per_second * w` is taken.

    Times are monotonic seconds.
    """

    def __init__(self, per_second: float, capacity: float) -> None:
        """Start full."""
        self.capacity = capacity
        self._per_second = per_second
        self._level = capacity
        self._at_s = -math.inf

    def level(self, now_s: float) -> float:
        """Return how much is there."""
        if now_s > self._at_s:
            self._level = min(self.capacity, self._level + (now_s - self._at_s) * self._per_second)
            self._at_s = now_s
        return self._level

    def wait_s(self, amount: float, now_s: float) -> float:
        """Return the seconds until `amount` is there (0: now; more than fits: until full)."""
        return max(0.0, min(amount, self.capacity) - self.level(now_s)) / self._per_second

    def take(self, now_s: float, amount: float = 1.0) -> float:
        """Take `amount` and return 0.0, or take nothing and return the seconds until it is there: for ever if it never fits."""
        if amount > self.level(now_s):
            return self.wait_s(amount, now_s) if amount <= self.capacity else math.inf
        self._level -= amount
        return 0.0
