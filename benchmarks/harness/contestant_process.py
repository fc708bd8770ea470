"""A contestant's process, seen from the harness: commands with a time limit, and an end that leaves nothing behind."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final

from benchmarks.harness.environments import interpreter
from benchmarks.harness.process_tree import end_tree

_REPOSITORY: Final = Path(__file__).resolve().parents[2]
_START_TIMEOUT_S: Final = 180
_STOP_TIMEOUT_S: Final = 30
_LOG_TAIL: Final = 3_000


class ContestantFailedError(Exception):
    """It did not answer in time, raised, or ended; the message is fit for a result: no path, no host."""


class ContestantProcess:
    """`python -m benchmarks.contestants.MODULE`, spoken to by lines of JSON."""

    def __init__(self, module: str, environment: str | None, session: Mapping[str, Any]) -> None:
        """Start it and open its session; raises ContestantFailedError."""
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by `close`
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [str(interpreter(environment)), "-m", f"benchmarks.contestants.{module}"],
            cwd=_REPOSITORY,
            env=_variables(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self._answers: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()
        self.pid = self._process.pid
        started = self.ask({"do": "start", "settings": dict(session)}, _START_TIMEOUT_S)
        self.versions: dict[str, str] = started["versions"]
        self.start_seconds: float = started["seconds"]

    def ask(self, command: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        """Return the answer; raises ContestantFailedError, after which the process is gone unless it only said that it failed."""
        assert self._process.stdin is not None  # noqa: S101 - for the type checker: it is a pipe
        try:
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()
            line = self._answers.get(timeout=timeout_s)
        except queue.Empty:
            raise self._failed(f"no answer to {command['do']!r} within {timeout_s:.0f} s") from None
        except OSError:
            line = ""
        if not line:
            raise self._failed(f"its process ended while asked to {command['do']!r}")
        answer: dict[str, Any] = json.loads(line)
        if "failed" in answer:
            self._show_log()
            raise ContestantFailedError(f"it raised {answer['failed']} when asked to {command['do']!r}")
        return answer

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def close(self) -> None:
        """Let it end by itself; end it if it does not."""
        with contextlib.suppress(OSError):  # it is gone already
            if self._process.stdin is not None:
                self._process.stdin.close()
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            end_tree(self.pid)
            self._process.wait()
        self._reader.join()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._log.close()

    def kill(self) -> None:
        """End it and all below it at once."""
        end_tree(self.pid)
        self.close()

    def _failed(self, why: str) -> ContestantFailedError:
        end_tree(self.pid)
        self._process.wait()
        self._show_log()
        return ContestantFailedError(why)

    def _show_log(self) -> None:
        self._log.flush()
        with contextlib.suppress(ValueError):  # closed
            self._log.seek(0)
            sys.stderr.write(self._log.read()[-_LOG_TAIL:] + "\n")

    def _read(self, answers: IO[str]) -> None:
        for line in answers:
            self._answers.put(line)
        self._answers.put("")


def _variables(environment: str | None) -> dict[str, str]:
    """Return its environment variables: the repository to import from; of ours, also what this process imports from."""
    search = [str(_REPOSITORY)]
    if environment is None:
        search += [str(_REPOSITORY / "tests"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(search), "SPARK_LOCAL_IP": "127.0.0.1", "PYTHONWARNINGS": "ignore"}
