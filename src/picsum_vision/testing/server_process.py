"""Run an embedded server in a process of its own, so that it takes no time from what is measured or tested.

Protocol: the child reads one JSON line of settings from its standard input, prints one JSON line with its
addresses when it listens (or `{"error": ...}`), and stops when its standard input closes. So a child never outlives its parent,
also when the parent is killed.
"""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING, Any

from picsum_vision.errors import EnvironmentProblem, PortInUse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_STOP_TIMEOUT_S = 10


class ServerProcess:
    """A child process that runs `module` and serves until `stop`, or until this process ends."""

    def __init__(self, module: str, settings: dict[str, Any]) -> None:
        """Start `python -m module` and wait until it listens."""
        self._child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._child.stdin is not None  # noqa: S101 - for the type checker: both are pipes
        assert self._child.stdout is not None  # noqa: S101
        self._child.stdin.write(json.dumps(settings) + "\n")
        self._child.stdin.flush()
        line = self._child.stdout.readline()
        self.addresses: dict[str, str] = json.loads(line) if line else {"error": f"{module} did not start"}
        if "error" in self.addresses:
            self.stop()
            kind = PortInUse if self.addresses.get("kind") == "port" else EnvironmentProblem
            raise kind(self.addresses["error"])

    def stop(self) -> None:
        """Close the child's standard input and wait for it to end; a child that does not end is killed."""
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._child.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()


def get_json(url: str) -> Any:
    """Read a JSON document from an embedded server."""
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - an http address of our own server
        return json.load(answer)


def serve_until_stdin_closes(start: Callable[[dict[str, Any]], Awaitable[dict[str, str]]]) -> None:
    """Child side: read the settings, `start` the server with them, print its addresses, serve until the parent is gone."""
    # Ctrl-C reaches the whole group of processes; the parent decides when its server ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    settings = json.loads(sys.stdin.readline())

    async def run() -> None:
        try:
            addresses = await start(settings)
        except OSError as error:
            _say({"error": cannot_listen(settings.get("port", 0), error), "kind": "port"})
            return
        except PortInUse as error:
            _say({"error": str(error), "kind": "port"})
            return
        _say(addresses)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

    asyncio.run(run())


def _say(document: dict[str, str]) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


def cannot_listen(port: int, error: OSError) -> str:
    """Say in one line that `port` cannot be had, and why."""
    return f"port {port}: cannot listen on it ({error.strerror or error}); choose another one, or 0 for any free port"
