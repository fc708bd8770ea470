"""What the READMEs promise beside their blocks."""

from __future__ import annotations

from markdown_blocks import PROJECT, blocks_of


def test_the_check_runs_the_command_of_the_readme() -> None:
    """The check of the project's server calls exactly the README's test command."""
    (command,) = (block.text.strip() for block in blocks_of(PROJECT / "README.md") if block.text.endswith("/nox\n"))
    assert command in (PROJECT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
