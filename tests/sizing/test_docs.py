"""The commands of the page about sizing, also of those blocks that are too slow to be run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from picsum_vision.cli.commands import app

PAGE = (Path(__file__).parents[2] / "docs" / "sizing.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for block in re.findall(r"```(?:sh|text)\n(.*?)```", PAGE, re.DOTALL)
    for line in block.replace("\\\n", " ").splitlines()
    if line.startswith("picsum-vision")
]


@pytest.mark.parametrize("line", COMMANDS)
def test_command_lines_have_flags_that_exist(line):
    """Every command line of the page is understood by the command that it names."""
    words = shlex.split(line, comments=True)[1:]
    command = typer.main.get_command(app)
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    assert command.make_context(str(command.name), words).params
