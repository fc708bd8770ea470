"""A host that answers with exactly the bytes that a test gives it, on threads of its own."""

# ruff: noqa: D102 - helpers of tests say by their names what they are

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

KEEP, CLOSE = True, False
# What is done with a connection once a request has come on it: write, and say whether it stays open.
Answer = Callable[[socket.socket], bool]


class RawHost:
    """Answers each path by its own rule; counts connections, and requests by path, and keeps the heads of the requests."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        """Listen on a free port of loopback."""
        self.requests: Counter[str] = Counter()
        self.heads: list[str] = []
        self.connections = 0
        self._answers = answers
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.base_url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        for connection in [self._listener, *self._open]:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._open.add(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        # The client may leave at any time, and does where an answer is not to its taste.
        with suppress(OSError), connection:
            asked = b""
            while True:
                while b"\r\n\r\n" not in asked:
                    more = connection.recv(65_536)
                    if not more:
                        return
                    asked += more
                head, _, asked = asked.partition(b"\r\n\r\n")
                self.heads.append(head.decode())
                path = head.split(b" ", 2)[1].decode()
                self.requests[path] += 1
                if self._answers[path](connection) is CLOSE:
                    return


@contextmanager
def raw_host(answers: Mapping[str, Answer]) -> Iterator[RawHost]:
    host = RawHost(answers)
    try:
        yield host
    finally:
        host.close()


def http(head: str, body: bytes = b"") -> bytes:
    """Write an answer: the lines of its head, then its body."""
    return "\r\n".join([*head.splitlines(), "", ""]).encode("latin-1") + body


def sends(data: bytes, *, then: bool = KEEP) -> Answer:
    def answer(connection: socket.socket) -> bool:
        connection.sendall(data)
        return then

    return answer


def drips(data: bytes, again: bytes, pause_s: float) -> Answer:
    """Send `data`, then `again` for as long as the client stays."""

    def answer(connection: socket.socket) -> bool:
        connection.sendall(data)
        gone = threading.Event()
        while not gone.wait(pause_s):
            connection.sendall(again)
        return CLOSE

    return answer
