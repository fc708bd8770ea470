"""The suite before: its files are kept under its own name when a new suite begins to write."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from picsum_vision.sizing.result import FILE_NAME, read_latest

# All that `write_artefacts` writes beside the result: a suite that ends early writes not all of them anew.
_BESIDE: Final = ("table.txt", "table.md", "table.csv", "environment.json", "requirements.txt", "table.png", "progress.png")


def set_aside(folder: Path) -> None:
    """Keep the files of the suite before under its name, or, where its result tells none, under when that was written."""
    file = folder / FILE_NAME
    if not file.is_file():
        return
    latest = read_latest(folder)
    suite = f"unreadable-{int(file.stat().st_mtime)}" if latest is None else latest.suite
    for name in (*_BESIDE, FILE_NAME):  # the result last: as long as it is there, whoever is stopped here is gone on from
        old = folder / name
        if old.is_file():
            os.replace(old, old.with_stem(f"{old.stem}-{suite}"))  # noqa: PTH105 - one step
