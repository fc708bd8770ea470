"""The files of the suite before."""

from __future__ import annotations

from pathlib import Path

import pytest
from suites import figures, suite

from picsum_vision.sizing.artefacts import write_artefacts
from picsum_vision.sizing.aside import set_aside
from picsum_vision.sizing.result import read_result


def test_every_file_of_a_suite_is_kept_under_its_name(tmp_path: Path) -> None:
    """Nothing that the suite wrote keeps the name under which the next one writes, and nothing is lost."""
    pytest.importorskip("matplotlib")
    before = suite(lambda *_: 2.0, sizes=(100,), name="before")
    before.sizes[0].repeats[0]["total"] = figures(100, 2.0, series=((1.0, 40, 60), (2.0, 100, 0)))
    written = {file.name: file.read_bytes() for file in write_artefacts(before, tmp_path)}
    assert {"table.png", "progress.png"} <= set(written)
    set_aside(tmp_path)
    kept = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert kept == {name.replace(".", "-before."): content for name, content in written.items()}
    assert read_result(tmp_path / "sizing-before.json").suite == "before"


def test_a_result_that_cannot_be_read_is_kept_too(tmp_path: Path) -> None:
    """It has no name to tell, so it is kept under its time; an empty folder stays as it is."""
    set_aside(tmp_path)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "sizing.json").write_text("no result")
    set_aside(tmp_path)
    (kept,) = tmp_path.iterdir()
    assert kept.name.startswith("sizing-unreadable-")
    assert kept.read_text() == "no result"
