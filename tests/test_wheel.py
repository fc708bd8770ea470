"""What is tested is the wheel that users install."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from importlib import metadata
from pathlib import Path

import pytest

import picsum_vision

SOURCE = Path(__file__).parents[1] / "src" / "picsum_vision"

pytestmark = pytest.mark.skipif("PICSUM_VISION_WHEEL" not in os.environ, reason="only `nox` installs the wheel")


def files_below(folder: Path) -> set[str]:
    """Return the paths of the files in a folder and below it, without what Python compiles beside them."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts}


def test_tests_run_on_the_wheel() -> None:
    """The package comes from site-packages, here and in every Python that a test starts, and not from the source tree."""
    code = "import picsum_vision; print(picsum_vision.__file__)"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=SOURCE.parents[1])
    installed = Path(sysconfig.get_path("purelib")).resolve() / "picsum_vision" / "__init__.py"
    assert [Path(str(picsum_vision.__file__)).resolve(), Path(child.stdout.strip()).resolve()] == [installed, installed]


def test_the_wheel_is_complete() -> None:
    """Every file of the source tree is in the wheel, also those that are no Python, and none besides."""
    assert files_below(Path(str(picsum_vision.__file__)).parent) == files_below(SOURCE)


def test_the_wheel_carries_licence_and_types() -> None:
    """The licence's text and the marker of a typed package are installed, and the metadata name the licence."""
    files = {path.name for path in metadata.files("picsum-vision") or []}
    assert {"LICENSE", "py.typed", "entry_points.txt"} <= files
    assert metadata.metadata("picsum-vision")["License-Expression"] == "Apache-2.0"
