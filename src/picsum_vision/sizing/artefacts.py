"""The files of a result: the table in four forms, plots, and where it was measured."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from picsum_vision.sizing.plots import plot_files
from picsum_vision.sizing.summary import summary, summary_markdown
from picsum_vision.sizing.table import as_csv

if TYPE_CHECKING:
    from picsum_vision.sizing.result import SizingResult


def write_artefacts(result: SizingResult, folder: Path) -> list[Path]:
    """Write the files and return their paths."""
    texts = {
        "table.txt": summary(result) + "\n",
        "table.md": summary_markdown(result),
        "table.csv": as_csv(result),
        "environment.json": json.dumps(result.environment, indent=1) + "\n",
        "requirements.txt": "\n".join(_installed()) + "\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [result.write(folder), *(folder / name for name in texts), *plot_files(result, folder)]


def _installed() -> Iterable[str]:
    """Return what is installed beside the driver, as pip names it."""
    return sorted({f"{each.metadata['Name']}=={each.version}" for each in metadata.distributions() if each.metadata["Name"]})
