"""A sink for small answers: the whole body, up to a bound."""

from __future__ import annotations

from collections.abc import Awaitable

from picsum_vision.transport.failures import AnswerTooLarge
from picsum_vision.transport.head import Head
from picsum_vision.transport.inflate import Inflater, inflater


class WholeBody:
    """Keeps status, header fields and body; raises AnswerTooLarge beyond `most` bytes."""

    def __init__(self, most: int) -> None:
        """Take at most `most` bytes."""
        self._most = most
        self._size = 0
        self._chunks: list[bytes] = []
        self._inflater: Inflater | None = None
        self.status: int | None = None
        self.headers: dict[str, str] = {}

    @property
    def body(self) -> bytes:
        """What came."""
        return b"".join(self._chunks)

    def head(self, head: Head) -> None:
        """Keep status and header fields."""
        self.status, self.headers = head.status, head.mapping()
        self._inflater = inflater(head)

    def data(self, chunk: bytes) -> None:
        """Keep a part of the body."""
        if self._inflater is None:
            self._keep(chunk)
            return
        self._inflater.take(chunk)
        while plain := self._inflater.step():
            self._keep(plain)

    def _keep(self, plain: bytes) -> None:
        self._size += len(plain)
        if self._size > self._most:
            raise AnswerTooLarge
        self._chunks.append(plain)

    def wait(self) -> Awaitable[None] | None:
        """Wait for nothing."""
        return None

    def look(self, seconds: float) -> None:
        """Have no bound but the deadline."""

    def end(self) -> None:
        """Check that a compressed body is whole."""
        if self._inflater is not None:
            self._inflater.end()
