"""Keys are read where they stand, or the place is named in one line, never the key."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from picsum_vision import Secret
from picsum_vision.errors import EnvironmentProblem


def test_white_space_around_a_key_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key in a file or a variable may end with a line break."""
    (tmp_path / "key").write_text("a-key\n")
    monkeypatch.setenv("PICSUM_TEST_KEY", " a-key ")
    assert Secret.file(tmp_path / "key").read() == Secret.env("PICSUM_TEST_KEY").read() == "a-key"


def test_a_line_break_behind_a_key_in_a_secret_scope_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that was put into a scope with `echo` is the key all the same; the platform's own module stands in here."""
    scopes = {("scope", "key"): "sk-planted\n"}
    client = SimpleNamespace(dbutils=SimpleNamespace(secrets=SimpleNamespace(get=lambda scope, key: scopes[scope, key])))
    monkeypatch.setitem(sys.modules, "databricks", ModuleType("databricks"))
    monkeypatch.setitem(sys.modules, "databricks.sdk", SimpleNamespace(WorkspaceClient=lambda: client))
    assert Secret.databricks("scope", "key").read() == "sk-planted"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read"),
        (b"", "no key there"),
        (b" \n", "no key there"),
        (b"planted\xff\xfe0123456789", "no UTF-8 text"),
        (b"planted 0123456789", "white space or line breaks inside"),
        (b"planted\n0123456789", "white space or line breaks inside"),
        (b"planted\x000123456789", "white space or line breaks inside"),
    ],
)
def test_what_is_no_key_is_told_by_its_place(tmp_path: Path, content: bytes | None, words: str) -> None:
    """A file that is missing, empty, no text, or with anything but a key in it is one line that shows nothing of it."""
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(EnvironmentProblem, match=words) as problem:
        Secret.file(path).read()
    assert str(path) in str(problem.value)
    assert "planted" not in repr(problem.value) + repr(problem.value.__cause__)


def test_the_value_of_a_header_may_have_blanks(tmp_path: Path) -> None:
    """What a header is to say is read as the line that it is; of a key it is not one."""
    (tmp_path / "header").write_text("Bearer a-key\n")
    assert Secret.file(tmp_path / "header").read_line() == "Bearer a-key"
    with pytest.raises(EnvironmentProblem, match="white space"):
        Secret.file(tmp_path / "header").read()


@pytest.mark.parametrize(
    ("content", "words"), [("", "no key there"), ("a\tplanted", "line breaks"), ("a\nplanted", "line breaks")]
)
def test_a_header_is_one_line(tmp_path: Path, content: str, words: str) -> None:
    """A place with nothing or with several lines in it holds no header, and the message shows nothing of it."""
    (tmp_path / "header").write_text(content)
    with pytest.raises(EnvironmentProblem, match=words) as problem:
        Secret.file(tmp_path / "header").read_line()
    assert "planted" not in str(problem.value)
