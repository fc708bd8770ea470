"""Run an embedded server in a process of its own, so that it takes no time from what is measured or tested.

Protocol: the child reads one pickle, the server and its settings, from its standard input, prints one JSON line with its
URLs when it listens (or `{"error": ...}`), and stops when its standard input closes. So a child never outlives its parent,
also when the parent is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import pickle
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from picsum_vision.errors import EnvironmentProblem, PortInUse

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

Listen = Callable[[Any], Awaitable[dict[str, str]]]
DEFAULT_HOST: Final = "127.0.0.1"
ADDRESS_ALLOWED: Final = "an IPv4 address of this machine that clients can be told, such as 127.0.0.1 or 10.0.0.5"
#: As many clients may knock at once as the system lets wait.
BACKLOG: Final = 4096
_STOP_TIMEOUT_S: Final = 10


class ServerProcess:
    """A child process that serves until `stop`, or until this process ends."""

    def __init__(self, listen: Listen, settings: object) -> None:
        """Await `listen(settings)` in the child and keep the URLs that it returns; `listen` is a function of a module."""
        self._child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._child.stdin is not None  # noqa: S101 - for the type checker: both are pipes
        assert self._child.stdout is not None  # noqa: S101
        pickle.dump((listen, settings), self._child.stdin)
        self._child.stdin.flush()
        line = self._child.stdout.readline()
        self.addresses: dict[str, str] = json.loads(line) if line else {"error": "the embedded server did not start"}
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


class EmbeddedServer:
    """A server in a process of its own: a context manager, or `start` and `stop`."""

    def __init__(self, listen: Listen, settings: object) -> None:
        """Start nothing yet."""
        self._listen = listen
        self._settings = settings
        self._process: ServerProcess | None = None
        self._addresses: dict[str, str] = {}

    def start(self) -> Self:
        """Start the process and wait until it listens; raises `PortInUse` where it cannot."""
        if self._process is None:
            self._process = ServerProcess(self._listen, self._settings)
            self._addresses = self._process.addresses
        return self

    def stop(self) -> None:
        """End the process. Stopping twice is no harm."""
        process, self._process = self._process, None
        if process is not None:
            process.stop()

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop."""
        self.stop()

    @property
    def base_url(self) -> str:
        """Where clients begin."""
        return self.address("base_url")

    def address(self, name: str) -> str:
        """Return one of the URLs that `listen` returned."""
        if not self._addresses:
            raise EnvironmentProblem(f"the server is not running: use it as `with {type(self).__name__}() as server:`")
        return self._addresses[name]

    def stats(self) -> dict[str, Any]:
        """Return what the server counted since its start or the last reset."""
        counts: dict[str, Any] = self._control("stats")
        return counts

    def reset_stats(self) -> None:
        """Count anew."""
        self._control("reset")

    def _control(self, what: str) -> Any:
        url = f"{self.address('root_url')}/-/{what}"
        with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - an http address of our own server
            return json.load(answer)


def serve_in_foreground(listen: Listen, settings: object, announce: Callable[[dict[str, str]], None]) -> None:
    """Serve in this process until Ctrl-C, and `announce` the URLs; raises `PortInUse` where it cannot listen."""

    async def run() -> None:
        announce(await listen(settings))
        await asyncio.Event().wait()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run())


def is_own_address(host: object) -> bool:
    """Return whether it has the form of an address that clients can be told; listening shows whether it is this machine's."""
    try:
        address = ipaddress.IPv4Address(host) if isinstance(host, str) else None
    except ValueError:
        return False
    return address is not None and not address.is_unspecified and not address.is_multicast


def cannot_listen(port: int, error: OSError) -> str:
    """Say in one line that `port` cannot be had, and why."""
    return f"port {port}: cannot listen on it ({error.strerror or error}); choose another one, or 0 for any free port"


async def _serve(listen: Listen, settings: object) -> None:
    try:
        addresses = await listen(settings)
    except PortInUse as error:
        addresses = {"error": str(error), "kind": "port"}
    sys.stdout.write(json.dumps(addresses) + "\n")
    sys.stdout.flush()
    if "error" not in addresses:
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)


if __name__ == "__main__":
    # Ctrl-C reaches the whole group of processes; the parent decides when its server ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(_serve(*pickle.load(sys.stdin.buffer)))  # noqa: S301 - from our own parent only
