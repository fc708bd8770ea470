"""The page about sizing, run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

import picsum_vision as pv
from picsum_vision.cli.commands import app

PAGE = (Path(__file__).parents[2] / "docs" / "sizing.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
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


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore")
def test_python_examples_run_one_after_the_other(spark, tmp_path, capsys):
    """Every Python block runs as it stands, but for fewer images and shorter waits."""
    quick = f"repeats=1, stages=['urls'], notebook_images=0, output={str(tmp_path)!r}"
    names = {"spark": spark}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        code = block.replace("sizes=(100, 1000, 5000)", f"sizes=(4,), image_latency_mean_s=0.01, {quick}")
        exec(compile(code, "sizing.md", "exec"), names)  # noqa: S102 - our own page
    assert isinstance(names["result"], pv.SizingResult)
    assert names["result"].size(4).spread("urls") is not None
    assert "what binds: the model's requests per minute" in capsys.readouterr().out
