"""Two suites and one folder."""

from __future__ import annotations

import errno
import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

import picsum_vision as pv
from picsum_vision.cli.entry import run
from picsum_vision.sizing.places import only_suite_in

HOLD = """
import sys
from pathlib import Path
from picsum_vision.sizing.places import only_suite_in
with only_suite_in(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_folder_that_another_suite_has_is_refused_until_that_one_is_gone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second suite is a wrong setting in one line, before Spark; a process that was killed keeps nothing."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        try:
            assert run(["bench", "--output", str(tmp_path)]) == 2
        finally:
            other.kill()
    expected = f"picsum-vision: output: '{tmp_path}' is in use by another suite; give another --output\n"
    assert capsys.readouterr().err == expected
    with only_suite_in(tmp_path):
        assert [file.name for file in tmp_path.iterdir()] == [".lock"]


def test_a_suite_of_the_same_process_is_another_one_too(tmp_path: Path) -> None:
    """Two threads of a notebook are as much in each other's way as two processes; one after the other is fine."""
    with only_suite_in(tmp_path), pytest.raises(pv.SettingError, match="in use by another suite"), only_suite_in(tmp_path):
        pytest.fail("both have it")
    with only_suite_in(tmp_path):
        pass


def test_where_there_are_no_locks_a_suite_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that refuses them, or a file that may not be opened, is no reason to measure nothing."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    (tmp_path / "taken" / ".lock").mkdir(parents=True)
    with only_suite_in(tmp_path / "taken"):
        pass
    monkeypatch.setattr(fcntl, "flock", refuse)
    with only_suite_in(tmp_path), only_suite_in(tmp_path):
        pass
