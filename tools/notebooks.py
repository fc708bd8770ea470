"""Write the Jupyter form of each notebook from its Databricks source: `python -m tools.notebooks`.

The Databricks source is the one that is edited. A cell of `# MAGIC %md` lines becomes Markdown, any other a code cell.
There are no outputs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import nbformat

FOLDER: Final = Path(__file__).parents[1] / "examples" / "notebooks"
_FIRST_LINE: Final = "# Databricks notebook source\n"
_BETWEEN_CELLS: Final = "# COMMAND ----------\n"
_MAGIC: Final = "# MAGIC"
_METADATA: Final = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def databricks_sources() -> list[Path]:
    """Return the notebooks as they are edited."""
    return [path for path in sorted(FOLDER.glob("*.py")) if path.read_text(encoding="utf-8").startswith(_FIRST_LINE)]


def cells_of(source: str) -> list[tuple[str, str]]:
    """Return the kind ("markdown" or "code") and the text of each cell; raises ValueError for another magic than %md."""
    return [_cell(cell.strip("\n")) for cell in source.removeprefix(_FIRST_LINE).split(_BETWEEN_CELLS)]


def jupyter_text(source: str) -> str:
    """Return the Jupyter form of a Databricks source."""
    new = {"markdown": nbformat.v4.new_markdown_cell, "code": nbformat.v4.new_code_cell}
    cells = [new[kind](text, id=f"cell-{number}") for number, (kind, text) in enumerate(cells_of(source), start=1)]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=_METADATA)
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"


def _cell(text: str) -> tuple[str, str]:
    if not text.startswith(_MAGIC):
        return "code", text
    lines = [line.removeprefix(_MAGIC).removeprefix(" ") for line in text.splitlines()]
    if lines[0] != "%md":
        raise ValueError(f"{lines[0]!r} is not allowed; a cell of magic lines must begin with %md")
    return "markdown", "\n".join(lines[1:])


if __name__ == "__main__":
    for path in databricks_sources():
        path.with_suffix(".ipynb").write_text(jupyter_text(path.read_text(encoding="utf-8")), encoding="utf-8")
