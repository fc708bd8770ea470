"""A person at the terminal while a suite runs."""

from __future__ import annotations

import io
import sys
import time

import pytest
import typer
from rich.console import Console

from picsum_vision.cli import commands
from picsum_vision.cli.bench import _ask
from picsum_vision.cli.console import TerminalProgress, set_down
from picsum_vision.cli.entry import run

SEVERAL_PICTURES_S = 0.5


def test_nothing_is_drawn_over_a_question(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the question to the answer the terminal is the person's; then the line that moves is there again."""
    screen = io.StringIO()
    drawn: list[str] = []

    def confirm(question: str, **_: object) -> bool:
        before = screen.tell()
        time.sleep(SEVERAL_PICTURES_S)
        drawn.append(screen.getvalue()[before:])
        return question == "20 images. Go on?"

    monkeypatch.setattr(typer, "confirm", confirm)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    with TerminalProgress(Console(file=screen, force_terminal=True, width=80)) as shown:
        shown("measuring")
        assert _ask("20 images", shown=shown)
        shown("measuring again")
    assert drawn == [""]
    assert "measuring again" in screen.getvalue()


def test_lines_need_not_be_set_down() -> None:
    """What does not move is no trouble for a question."""
    said: list[object] = []
    with set_down(said.append):
        said.append("asked")
    assert said == ["asked"]


def test_a_suite_that_is_stopped_says_where_its_figures_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C loses nothing that was measured, and says so."""

    def stop(_: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "invoke", stop)
    assert run(["bench", "--sizes", "5"]) == 130
    assert capsys.readouterr().err == "picsum-vision: stopped; what was measured is in the folder of the results\n"
