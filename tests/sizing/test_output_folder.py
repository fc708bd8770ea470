"""The folder of a suite's results, before any work."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from picsum_vision.cli.entry import run


def is_closed_to_us(monkeypatch: pytest.MonkeyPatch, closed: Path) -> None:
    """Let a file or folder be one that may not be written, also for a user who may do everything."""
    is_allowed = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != closed and is_allowed(path, mode))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def test_a_folder_that_cannot_be_written_in_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a wrong setting in one line, and nothing was started."""
    is_closed_to_us(monkeypatch, tmp_path)
    assert run(["bench", "--output", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"picsum-vision: output: '{tmp_path}' cannot be written in; give a folder of yours\n"
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_mlflow_that_cannot_be_written_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has named it, but MLflow would try to write it for minutes."""
    store = tmp_path / "mlflow.db"
    store.write_bytes(b"")
    is_closed_to_us(monkeypatch, store)
    assert run(["bench", "--output", str(tmp_path)]) == 2
    assert f"tracking_uri: 'sqlite:///{store}' cannot be written" in capsys.readouterr().err


def test_an_address_that_mlflow_cannot_have_leaves_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong word is found before the folder of the results is made."""
    assert run(["bench", "--output", str(tmp_path / "out"), "--tracking-uri", "ftp://host"]) == 2
    assert "tracking_uri: 'ftp://host' is not allowed" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
