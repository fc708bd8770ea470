"""The peers' environments, one each, under benchmarks/.environments, made from benchmarks/peers/NAME.txt when first needed."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

_BENCHMARKS: Final = Path(__file__).resolve().parents[1]
_ENVIRONMENTS: Final = _BENCHMARKS / ".environments"
_TIMEOUT_S: Final = 900


class EnvironmentMissingError(Exception):
    """A peer could not be installed; the message says which."""


def interpreter(peer: str | None) -> Path:
    """Return the Python of `peer`'s environment, which is made if its requirements have changed; this one's for None."""
    if peer is None:
        return Path(sys.executable)
    requirements = _BENCHMARKS / "peers" / f"{peer}.txt"
    folder = _ENVIRONMENTS / peer
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    mark = folder / "requirements.sha256"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if not mark.exists() or mark.read_text() != wanted:
        _make(peer, folder, python, requirements)
        mark.write_text(wanted)
    return python


def _make(peer: str, folder: Path, python: Path, requirements: Path) -> None:
    sys.stderr.write(f"installing {peer} into an environment of its own\n")
    uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    try:
        if uv:
            _run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)])
            _run([uv, "pip", "install", "--quiet", "--python", str(python), "-r", str(requirements)])
        else:
            _run([sys.executable, "-m", "venv", "--clear", str(folder)])
            _run([str(python), "-m", "pip", "install", "--quiet", "-r", str(requirements)])
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise EnvironmentMissingError(f"{peer} cannot be installed here; --only leaves it out") from error


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, timeout=_TIMEOUT_S)  # noqa: S603 - our own command
