"""The gallery's rows as the page has them."""

from __future__ import annotations

import base64
import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Any

from picsum_vision.report.answers import labels, readable, typed


@dataclasses.dataclass(frozen=True, kw_only=True)
class GalleryRow:
    """One image: its address, a small picture of it, the answer as text, and the fields of both outcomes.

    `finished_at` in the outcomes is in microseconds since 1970, UTC.
    """

    url: str | None = None
    thumbnail: bytes | None = None
    text: str | None = None
    download: Mapping[str, Any] | None = None
    describe: Mapping[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the row without its picture, and without what it has not."""
        answer = typed(self.text)
        fields = {
            "url": self.url,
            "text": self.text,
            # What a typed answer reads like; free text says it itself.
            "readable": None if answer is None else readable(answer),
            "labels": labels(self.text, (self.describe or {}).get("task")) or None,
            "download": _known(self.download),
            "describe": _known(self.describe),
        }
        return {name: value for name, value in fields.items() if value is not None}


@dataclasses.dataclass(frozen=True, kw_only=True)
class GalleryRows:
    """The rows that are shown, of so many that there are."""

    rows: tuple[GalleryRow, ...]
    of_rows: int

    def as_dict(self) -> dict[str, Any]:
        """Return what the page's script reads."""
        return {"of_rows": self.of_rows, "rows": [row.as_dict() for row in self.rows]}

    def thumbnails(self) -> list[str | None]:
        """Return the small pictures in base64, in the rows' order."""
        return [None if row.thumbnail is None else base64.b64encode(row.thumbnail).decode() for row in self.rows]


def in_order(rows: Iterable[GalleryRow]) -> tuple[GalleryRow, ...]:
    """Return the rows by address, as people count: 2 before 10."""
    return tuple(sorted(rows, key=lambda row: _natural(row.url or "")))


def _natural(text: str) -> list[tuple[int, str]]:
    return [(int(digits), "") if digits else (-1, word) for digits, word in re.findall(r"([0-9]{1,18})|([^0-9]+)", text)]


def _known(outcome: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return {name: value for name, value in outcome.items() if value is not None} if outcome else None
