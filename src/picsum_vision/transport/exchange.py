"""One request and its answer, between who asks and the connection that carries it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Final, Protocol

from picsum_vision.transport.head import Head

FOR_EVER: Final = float("inf")


class EnoughRead(Exception):  # noqa: N818 - no failure: the rest of the body is not wanted
    """The sink has what it needs; the exchange ends well, and its connection is closed. Any method of a sink may raise it."""


class Sink(Protocol):
    """Takes an answer as it comes. What one of its methods raises ends the exchange and closes the connection."""

    def head(self, head: Head) -> None:
        """Take the head; also told when the head is all there is."""
        ...

    def data(self, chunk: bytes) -> None:
        """Take a part of the body."""
        ...

    def wait(self) -> Awaitable[None] | None:
        """Return what to wait for before more is read, None if more may come now. The deadline stands still meanwhile.

        Asked again after each wait, and before the end.
        """
        ...

    def look(self, seconds: float) -> None:
        """Look, about ten times a second, at an answer that has been coming for `seconds` without its waits."""
        ...

    def end(self) -> None:
        """Learn that the body is whole."""
        ...


class Exchange:
    """A request under way.

    States: sent -> head came -> body comes (with waits for the sink in between) -> done, or failed at any point. `done` gets its
    result or exception once; whoever awaits it must call the connection's `give_up` if it gives up.
    """

    __slots__ = ("body_began_at_s", "done", "expires_at_s", "head", "latency_s", "sent_at_s", "sink", "waits_since_s")

    def __init__(self, sink: Sink, loop: asyncio.AbstractEventLoop, left_s: float) -> None:
        """Allow `left_s` seconds from now until the last byte, the sink's waits not counted."""
        self.sink = sink
        self.done: asyncio.Future[None] = loop.create_future()
        self.sent_at_s = loop.time()
        self.expires_at_s = self.sent_at_s + left_s
        self.head: Head | None = None
        self.latency_s: float | None = None
        self.body_began_at_s = FOR_EVER
        self.waits_since_s: float | None = None

    def give_up(self) -> None:
        """Await it no longer: how it ends, or has just ended, is nobody's concern."""
        if not self.done.cancel() and not self.done.cancelled():
            self.done.exception()  # asked for, or asyncio would report that nobody did

    def begin_body(self, head: Head, now_s: float) -> None:
        """Note the head and when it came."""
        self.head = head
        self.latency_s = now_s - self.sent_at_s
        self.body_began_at_s = now_s

    def pause(self, now_s: float) -> None:
        """Stop the clock while the sink waits."""
        self.waits_since_s = now_s

    def resume(self, now_s: float) -> None:
        """Let the clock go on."""
        if self.waits_since_s is not None:
            waited_s = now_s - self.waits_since_s
            self.expires_at_s += waited_s
            self.body_began_at_s += waited_s
            self.waits_since_s = None

    def left_s(self, now_s: float) -> float:
        """Return the seconds until the deadline, below 0 if the end was noticed late."""
        return self.expires_at_s - (now_s if self.waits_since_s is None else self.waits_since_s)
