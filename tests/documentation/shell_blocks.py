"""Shell blocks, run by a real shell whose `picsum-vision` is the command line in this process, with the Spark that is there.

`picsum-vision`, `pip`, `nox` and `python3 -m venv` on the shell's path hand their words over a socket to whoever runs the block:
installing is what the tests' environment has done already, so it is checked that what is to be installed exists. Servers
that a block starts run until the page ends.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import logging
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final

from markdown_blocks import PROJECT

from picsum_vision.cli import entry

if TYPE_CHECKING:
    from typing_extensions import Self

_BLOCK_TIMEOUT_S: Final = 600
_HANDED_OVER: Final = ("picsum-vision", "pip", "nox")
_HAND_OVER: Final = """#!{python} -SE
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as line:
    line.connect({address!r})
    line.sendall(json.dumps({{"words": [os.path.basename(sys.argv[0]), *sys.argv[1:]], "folder": os.getcwd()}}).encode())
    line.shutdown(socket.SHUT_WR)
    said = json.loads(line.makefile().read())
sys.stdout.write(said["out"])
sys.stderr.write(said["err"])
sys.exit(said["code"])
"""
_PYTHON: Final = """#!/bin/sh
if [ "$1 $2" = "-m venv" ]; then mkdir -p "$3/bin" && : > "$3/bin/activate" && exec cp {programs}/* "$3/bin/"; fi
exec {python} "$@"
"""


class Shell:
    """A page's shell, for the length of a `with` block; `run` gives what a block said on both streams."""

    def __init__(self, folder: Path) -> None:
        """Take the folder that the page's blocks start in."""
        self._folder = folder
        self._servers: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        """Put the programs on the shell's path."""
        self._own = Path(tempfile.mkdtemp())  # a socket's path must be short
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(self._own / "words"))
        self._socket.listen()
        self._socket.settimeout(0.05)
        programs = self._own / "programs"
        programs.mkdir()
        hand_over = _HAND_OVER.format(python=sys.executable, address=str(self._own / "words"))
        for name in _HANDED_OVER:
            _write_program(programs / name, hand_over)
        for name in ("python", "python3"):
            _write_program(programs / name, _PYTHON.format(python=sys.executable, programs=programs))
        self._path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        return self

    def __exit__(self, *_: object) -> None:
        """End the page's servers."""
        for server in self._servers:
            server.terminate()
            server.communicate()
        self._socket.close()
        shutil.rmtree(self._own)

    def run(self, script: str) -> str:
        """Run the script until it ends, and return what it said; raises AssertionError if it failed."""
        with tempfile.TemporaryFile("w+") as output:
            shell = subprocess.Popen(
                ["/bin/sh", "-e", "-c", script],
                cwd=self._folder,
                env={**os.environ, "PATH": self._path},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                self._serve_until_end(shell)
            finally:
                with contextlib.suppress(ProcessLookupError):  # ended by itself, with all that it started
                    os.killpg(shell.pid, signal.SIGKILL)
                shell.wait()
            output.seek(0)
            said = output.read()
        assert shell.returncode == 0, f"exit code {shell.returncode}: {said}"
        return said

    def _serve_until_end(self, shell: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _BLOCK_TIMEOUT_S
        while shell.poll() is None:
            assert time.monotonic() < deadline, f"the block did not end within {_BLOCK_TIMEOUT_S} s"
            with contextlib.suppress(TimeoutError):  # nobody has called; look whether the shell has ended
                caller, _ = self._socket.accept()
                with caller, caller.makefile() as words:
                    asked = json.loads(words.read())
                    caller.sendall(json.dumps(self._answer(asked["words"], Path(asked["folder"]))).encode())

    def _answer(self, words: list[str], folder: Path) -> dict[str, object]:
        program, *rest = words
        if program == "picsum-vision" and rest and rest[0].startswith("serve-"):
            return {"code": 0, "out": self._start_server(rest), "err": ""}
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), _as_in_a_process_of_its_own(folder):
            code = {"picsum-vision": entry.run, "pip": _install, "nox": _sessions}[program](rest)
        return {"code": code, "out": out.getvalue(), "err": err.getvalue()}

    def _start_server(self, words: list[str]) -> str:
        command = [sys.executable, "-c", "from picsum_vision.cli import main; main()", *words]
        server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._servers.append(server)
        assert server.stdout is not None
        said = server.stdout.readline()
        assert said, f"it did not start: {' '.join(words)}"
        return said


@contextlib.contextmanager
def _as_in_a_process_of_its_own(folder: Path) -> Iterator[None]:
    """Work in the folder, and take back what the command line changes for the rest of its process."""
    before, root = Path.cwd(), logging.getLogger()
    handler, filters, level = signal.getsignal(signal.SIGINT), list(root.filters), logging.getLogger("py4j").level
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
        signal.signal(signal.SIGINT, handler)
        root.filters[:] = filters
        logging.getLogger("py4j").setLevel(level)


def _install(words: list[str]) -> int:
    """Look whether what is to be installed of this project exists: its extras and groups."""
    assert words[:1] == ["install"], f"pip {words} is not known here"
    extras = set(metadata.metadata("picsum-vision").get_all("Provides-Extra") or ())
    for word in words[1:]:
        found = re.fullmatch(r"(?:\.|picsum-vision|.*\.whl)(?:\[([\w,-]+)\])?", word)
        asked = set(found[1].split(",")) if found and found[1] else set()
        assert asked <= extras, f"the wheel has no extra {asked - extras}; it has {sorted(extras)}"
    return 0


def _sessions(words: list[str]) -> int:
    """Look whether the sessions exist."""
    asked = [word for flag, word in itertools.pairwise(words) if flag == "-s"]
    source = (PROJECT / "noxfile.py").read_text(encoding="utf-8")
    for name in asked:
        assert re.search(rf"^def {re.escape(name)}\(session", source, re.MULTILINE), f"there is no session {name}"
    return 0


def _write_program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
