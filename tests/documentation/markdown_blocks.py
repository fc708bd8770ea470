"""The code blocks and headings of the project's pages."""

from __future__ import annotations

import dataclasses
import re
import textwrap
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).parents[2]
_FENCED: Final = re.compile(
    r"^(?P<indent> *)(?P<fence>`{3,})(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=indent)(?P=fence) *$", re.DOTALL | re.MULTILINE
)
_TITLE: Final = re.compile(r'title="([^"]+)"')


@dataclasses.dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, the line of its first text, and the file that its title names, if any."""

    language: str
    text: str
    line: int
    title: str | None

    def __str__(self) -> str:
        """Say where it is, as a reader looks for it."""
        return f"the {self.language or 'nameless'} block at line {self.line}"


def pages() -> list[Path]:
    """Return every page whose blocks are run: the READMEs and all that lies under docs."""
    return [*sorted(PROJECT.glob("README*.md")), *sorted((PROJECT / "docs").rglob("*.md"))]


def name_of(page: Path) -> str:
    """Return the page's name as the project has it."""
    return str(page.relative_to(PROJECT))


def blocks_of(page: Path) -> list[Block]:
    """Return the page's fenced blocks in their order."""
    source = page.read_text(encoding="utf-8")
    return [_block(source, found) for found in _FENCED.finditer(source)]


def headings_of(page: Path) -> list[str]:
    """Return the page's headings, each with its number signs."""
    return re.findall(r"^#+ .*$", _FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)


def _block(source: str, found: re.Match[str]) -> Block:
    language, _, rest = found["info"].strip().partition(" ")
    title = _TITLE.search(rest)
    return Block(
        language=language,
        text=textwrap.dedent(found["body"]),
        line=source.count("\n", 0, found.start("body")) + 1,
        title=title[1] if title else None,
    )
