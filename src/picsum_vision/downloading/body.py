"""Taking an answer's body within its bounds."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Final, Protocol

from picsum_vision.downloading.opt_out import opted_out
from picsum_vision.transport.exchange import EnoughRead
from picsum_vision.transport.failures import AnswerTooLarge
from picsum_vision.transport.head import Head
from picsum_vision.transport.inflate import Inflater, inflater

if TYPE_CHECKING:
    from picsum_vision.concurrency.byte_budget import ByteBudget
    from picsum_vision.options import DownloadOptions

_SLOWNESS_SHOWS_AFTER_S: Final = 3.0
# A short body that nobody wants is read, so that its connection can serve again; a long one costs the connection.
_SKIPPED_BODY_BYTES: Final = 65_536
_SKIPPED_BODY_S: Final = 1.0
_GOOD: Final = range(200, 300)


class OptedOut(Exception):  # noqa: N818 - becomes an outcome
    """The host asks not to use the picture."""


class BodyTooSlow(Exception):  # noqa: N818 - becomes an outcome
    """The body comes more slowly than allowed."""


class ByteHolder(Protocol):
    """Whoever the bytes are for."""

    number: int
    held_bytes: int
    data: bytes | None


class ImageSink:
    """Takes the body of a good answer into `holder.data`, and passes over any other.

    Invariant: `holder.held_bytes` is what the budget counts for it, also when this raises. An announced body is taken from the
    budget before it is read, one that is not announced piece by piece.
    """

    __slots__ = (
        "_budget", "_chunks", "_compressed", "_holder", "_inflater", "_is_good", "_options", "_size", "_skipped", "_wanted",
        "came",
    )  # fmt: skip

    def __init__(self, holder: ByteHolder, budget: ByteBudget, options: DownloadOptions) -> None:
        """Take nothing yet."""
        self._holder = holder
        self._budget = budget
        self._options = options
        self._is_good = False
        self._size = self._wanted = self._skipped = self._compressed = 0
        self.came: Head | None = None
        self._chunks: list[bytes] = []
        self._inflater: Inflater | None = None

    @property
    def is_answered(self) -> bool:
        """Whether the head has come and says it all, so that it does not matter how the body ends."""
        return self.came is not None and not self._is_good

    def head(self, head: Head) -> None:
        """Decide whether the body is wanted; raises OptedOut, AnswerTooLarge, EnoughRead."""
        self.came = head
        self._is_good = head.status in _GOOD
        if not self._is_good:
            length = head.content_length
            if length is None:
                # Without a frame it ends with the connection, which would never serve again, and may not end at all.
                if not head.is_framed:
                    raise EnoughRead
            elif length > _SKIPPED_BODY_BYTES:
                raise EnoughRead
            return
        if self._options.respect_opt_out:
            tags = head.every(b"x-robots-tag")
            if tags and opted_out(tags, self._options.sent_user_agent):
                raise OptedOut
        announced = head.content_length or 0
        if announced > self._options.max_bytes:
            raise AnswerTooLarge
        self._inflater = inflater(head)
        self._wanted = announced

    def data(self, chunk: bytes) -> None:
        """Take a part of the body; raises AnswerTooLarge, EnoughRead."""
        if not self._is_good:
            self._skipped += len(chunk)
            if self._skipped > _SKIPPED_BODY_BYTES:
                raise EnoughRead
        elif self._inflater is not None:
            # What is behind the end of the compressed form adds nothing to the picture, but must not come for ever either.
            self._compressed += len(chunk)
            if self._compressed > self._options.max_bytes:
                raise AnswerTooLarge
            self._inflater.take(chunk)
        else:
            self._keep(chunk)

    def _keep(self, plain: bytes) -> None:
        self._size += len(plain)
        if self._size > self._options.max_bytes:
            raise AnswerTooLarge
        self._chunks.append(plain)
        self._wanted = max(self._wanted, self._size)

    def wait(self) -> Awaitable[None] | None:
        """Take from the budget what is there and what is announced; inflate only what there is room for."""
        while True:
            missing = self._wanted - self._holder.held_bytes
            if missing > 0:
                if not self._budget.take_now(self._holder.number, missing):
                    return self._take(missing)
                self._holder.held_bytes += missing
            plain = b"" if self._inflater is None else self._inflater.step()
            if not plain:
                return None
            self._keep(plain)

    async def _take(self, missing: int) -> None:
        await self._budget.take(self._holder.number, missing)
        self._holder.held_bytes += missing

    def look(self, seconds: float) -> None:
        """Raise BodyTooSlow for a good body that comes too slowly, EnoughRead for any other that does not end."""
        if not self._is_good:
            if seconds > _SKIPPED_BODY_S:
                raise EnoughRead
        elif seconds > _SLOWNESS_SHOWS_AFTER_S and self._size < self._options.min_bytes_per_second * seconds:
            raise BodyTooSlow

    def end(self) -> None:
        """Hand over the whole body, and give back what it does not need."""
        if not self._is_good:
            return
        if self._inflater is not None:
            self._inflater.end()
        holder = self._holder
        if holder.held_bytes > self._size:
            self._budget.give_back(holder.number, holder.held_bytes - self._size)
            holder.held_bytes = self._size
        holder.data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
