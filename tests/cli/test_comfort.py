"""What makes the command line pleasant: help, completion, loudness, colours where somebody sees them."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys

import pytest

from picsum_vision import __version__
from picsum_vision.cli.entry import run

COMMAND = [sys.executable, "-c", "from picsum_vision.cli import main; main()"]
COMMANDS = ("demo", "run", "report", "export", "setup-sql", "serve-images", "serve-model")
COLOUR = re.compile(rb"\x1b\[[0-9;]*m")


def at_a_terminal(*words: str, **environment: str) -> bytes:
    """Run the command with a terminal as its stdout and stderr; return what a person would have seen."""
    ours, theirs = pty.openpty()
    clean = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "TERM")}
    process = subprocess.Popen(
        [*COMMAND, *words], stdin=theirs, stdout=theirs, stderr=theirs, env={**clean, "TERM": "xterm", **environment}
    )
    os.close(theirs)
    seen = b""
    while True:
        try:
            piece = os.read(ours, 65_536)
        except OSError:  # the terminal is gone with its last user
            break
        if not piece:
            break
        seen += piece
    os.close(ours)
    process.wait()
    return seen


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_has_an_example_that_can_be_copied(command, capsys, monkeypatch):
    """A command's help shows a whole command on one line, and its flags with their defaults."""
    monkeypatch.setenv("COLUMNS", "80")
    assert run([command, "-h"]) == 0
    shown = capsys.readouterr().out
    assert re.search(rf"^ picsum-vision {command} \S", shown, re.MULTILINE)
    assert "--quiet" in shown


def test_defaults_stand_in_the_help(capsys, monkeypatch):
    """What is written in square brackets is shown, not taken for a style."""
    monkeypatch.setenv("COLUMNS", "200")
    assert run(["run", "--help"]) == 0
    shown = capsys.readouterr().out
    for default in ("1000", "800", "picsum-vision-data", "platform_catalog", "pixels", "it"):
        assert f"[default: {default}]" in shown


def test_version(capsys):
    """--version and -V print the version and nothing else."""
    for flag in ("--version", "-V"):
        assert run([flag]) == 0
        assert capsys.readouterr().out == f"picsum-vision {__version__}\n"


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("picsum-vision re", {"report"}),
        ("picsum-vision run --b", {"--by", "--base-url", "--backend"}),
        ("picsum-vision run --by ", {"id", "seed", "list"}),
        ("picsum-vision run --backend p", {"pixels", "pyfunc"}),
        ("picsum-vision run --task s", {"sentiment"}),
        ("picsum-vision run --format ", {"iceberg", "delta"}),
    ],
)
def test_tab_completes(line, offered):
    """Tab offers commands, flags and the words that a flag takes."""
    words = {"_PICSUM_VISION_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    told = subprocess.run([*COMMAND], env={**os.environ, **words}, capture_output=True, text=True, timeout=60, check=False)
    assert set(told.stdout.split()) == offered


def test_colours_are_for_terminals_only():
    """A terminal gets colours, unless NO_COLOR is set; a pipe never does."""
    assert COLOUR.search(at_a_terminal("run", "--help"))
    without = COLOUR.findall(at_a_terminal("run", "--help", NO_COLOR="1"))
    assert not [each for each in without if re.search(rb"\[(\d+;)*(3|9)\d", each)]
    piped = subprocess.run([*COMMAND, "run", "--help"], capture_output=True, timeout=60, check=False)
    assert b"\x1b" not in piped.stdout + piped.stderr


def test_quiet_and_verbose_are_heard_before_and_behind_the_command(tmp_path, monkeypatch, capsys):
    """Both places count; both at once are refused; verbose shows what lies behind an error."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.toml").write_text("images = \n")
    for words in (["-v", "run", "--config", "job.toml"], ["run", "-v", "--config", "job.toml"]):
        assert run(words) == 2
        shown = capsys.readouterr().err
        assert "Traceback" in shown
        assert shown.splitlines()[-1].startswith("picsum-vision: config: 'job.toml' is not TOML")
    assert run(["run", "--config", "job.toml"]) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert run(["run", "-q", "-v"]) == 2
    assert "quiet, verbose: both given; choose one" in capsys.readouterr().err
