"""A few described images on the terminal: one line each, whatever a model wrote."""

from __future__ import annotations

import io
import sys

import pytest

from picsum_vision.cli.entry import main
from picsum_vision.cli.samples import one_line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("un lago\n\n  tra i\tmonti ", "un lago tra i monti"),
        ("\x1b]0;title\x07red\x1b[31m", "\ufffd]0;title\ufffdred\ufffd[31m"),
        ("\u202eabc \ud800\x9b", "\ufffdabc \ufffd\ufffd"),
        ("👩\u200d🔬 क्\u200dष", "👩\u200d🔬 क्\u200dष"),
        ("x" * 300, "x" * 300),
        ("x" * 301, "x" * 299 + "…"),
        (" \n", ""),
        (None, ""),
    ],
)
def test_one_line(text, line):
    """A text is one line of at most 300 characters, without what a terminal would obey instead of showing it."""
    assert one_line(text) == line


def test_a_terminal_that_lacks_a_letter(monkeypatch):
    """What the terminal's encoding has not is shown as a question mark, and the command goes on."""
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, encoding="ascii", errors="strict"))
    main(["--version"])
    print("città", flush=True)
    assert shown.getvalue().splitlines()[1:] == [b"citt?"]
