"""What was used lately is kept, the rest forgotten: a list of URLs may have more hosts than anybody wants to remember."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Final, TypeVar

T = TypeVar("T")
KEPT_AT_MOST: Final = 10_000


class Recent:
    """Keeps the values of the keys that were asked for last."""

    def __init__(self, most: int = KEPT_AT_MOST) -> None:
        """Keep `most` values."""
        self._most = most
        self._kept: dict[Hashable, Any] = {}  # the one that was asked for last stands last

    def __len__(self) -> int:
        """Return how many are kept."""
        return len(self._kept)

    def keep(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what is kept under `key`, made where there is none."""
        value: T = self._kept.pop(key) if key in self._kept else make()
        self._kept[key] = value
        if len(self._kept) > self._most:
            del self._kept[next(iter(self._kept))]
        return value
