"""The READMEs in two languages, and what they promise beside their blocks."""

from __future__ import annotations

import re

from markdown_blocks import PROJECT, Block, blocks_of, headings_of

ENGLISH, ITALIAN = PROJECT / "README.md", PROJECT / "README.it.md"


def test_the_check_runs_the_command_of_the_readme() -> None:
    """The check of the project's server calls exactly the README's test command."""
    (command,) = (block.text.strip() for block in blocks_of(ENGLISH) if block.text.endswith("/nox\n"))
    assert command in (PROJECT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def test_both_languages_have_the_same_blocks() -> None:
    """README.it.md has the blocks of README.md in their order, word for word but for comments: change both."""
    assert [without_comments(block) for block in blocks_of(ITALIAN)] == [without_comments(block) for block in blocks_of(ENGLISH)]


def test_both_languages_have_the_same_parts() -> None:
    """README.it.md has as many headings, of the same levels, and in each part as many rows of tables as README.md."""
    assert outline(ITALIAN.read_text(encoding="utf-8")) == outline(ENGLISH.read_text(encoding="utf-8"))
    assert len(headings_of(ITALIAN)) == len(headings_of(ENGLISH))


def without_comments(block: Block) -> tuple[str, str | None, str]:
    """Return the block's language, title and text; comments may be in the page's own language."""
    return block.language, block.title, re.sub(r"\s+# .*$", "", block.text, flags=re.MULTILINE)


def outline(page: str) -> list[tuple[str, int]]:
    """Return each heading's number signs, with the table rows below it."""
    parts = re.split(r"^(#+) .*$", re.sub(r"^```.*?^```$", "", page, flags=re.DOTALL | re.MULTILINE), flags=re.MULTILINE)
    return [(signs, len(re.findall(r"^\|", text, re.MULTILINE))) for signs, text in zip(parts[1::2], parts[2::2], strict=True)]
