"""What an export wrote."""

from __future__ import annotations

import dataclasses
from typing import Any

_MEGABYTE = 1_000_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportReport:
    """What :func:`picsum_vision.export` returns.

    Parameters
    ----------
    layout, path
        What was written, and the folder it is in.
    images, bytes
        How many images, and the bytes of the files; for `files` those of the images.
    left_out
        The rows that have no image, counted by `download_outcome.status` where that says why, else `no_image` (NULL or empty) and
        `not_an_image` (bytes that are no picture).
    files
        The names in `path`: tars, Parquet files, or folders and metadata.jsonl.

    """

    layout: str
    path: str
    images: int
    bytes: int
    left_out: dict[str, int]
    files: tuple[str, ...]

    @property
    def rows(self) -> int:
        """How many rows the DataFrame had."""
        return self.images + sum(self.left_out.values())

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as JSON has them; of the files their number."""
        return {**dataclasses.asdict(self), "files": len(self.files), "rows": self.rows}

    def __str__(self) -> str:
        """Return the figures as text."""
        lines = [
            f"{self.images:,} of {self.rows:,} images as {self.layout} in {self.path}",
            f"  {len(self.files):,} files or folders, {self.bytes / _MEGABYTE:,.1f} MB",
        ]
        reasons = ", ".join(f"{rows:,} {reason}" for reason, rows in sorted(self.left_out.items()))
        return "\n".join([*lines, f"  left out: {reasons}"] if reasons else lines)
