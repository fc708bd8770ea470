"""What can be told of a job's rows without looking at a picture, as figures, text and rows of a table.

The rules are in words here and in SQL in :mod:`picsum_vision.spark.quality_rules`; report, page and table take both from there.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Final

SMALL_SIDE_PX: Final = 64
MEANINGS: Final = {
    "rows": "rows of image_codes that were looked at, an address that is there twice once",
    "ok_share": "share of them whose description is ok, 0 to 1",
    "empty_descriptions": "ok, but descrizione holds white space, [], {} or null only (not for ReadText: there may be no text)",
    "repeated_descriptions": "ok, and word for word the description of another picture, too (free descriptions only)",
    "duplicate_pictures": "the very same picture (SHA-256) is there under another address already",
    "small_pictures": f"the picture's shorter side has less than {SMALL_SIDE_PX} pixels",
    "other_language": "free description in another language than asked, by script and function words (docs/quality.md)",
}
_NOTICED: Final = {
    "empty_descriptions": "empty descriptions",
    "repeated_descriptions": "descriptions that another picture has, too",
    "duplicate_pictures": "pictures that are there under another address, too",
    "small_pictures": f"pictures with a side of less than {SMALL_SIDE_PX} pixels",
    "other_language": "descriptions in another language than asked",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Quality:
    """Rows by what is odd about them. `other_language` is None where no language was asked for that can be told from others."""

    rows: int
    ok: int
    empty_descriptions: int
    repeated_descriptions: int
    duplicate_pictures: int
    small_pictures: int
    other_language: int | None = None

    @property
    def ok_share(self) -> float:
        """The share of rows that have a description, 0 to 1; 0 where there are no rows."""
        return self.ok / self.rows if self.rows else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return each measure by its name in the table, without those that were not looked at."""
        measures = ((name, getattr(self, name)) for name in MEANINGS)
        return {name: value for name, value in measures if value is not None}

    def lines(self) -> list[str]:
        """Return what a person should look at, a line each; nothing where nothing is odd."""
        found = ((getattr(self, name), words) for name, words in _NOTICED.items())
        return [f"    {number:>7,}  {words}" for number, words in found if number]
