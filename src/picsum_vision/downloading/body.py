"""Reading an answer's body within its bounds."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import aiohttp

    from picsum_vision.concurrency.byte_budget import ByteBudget
    from picsum_vision.concurrency.deadline import Deadline
    from picsum_vision.options import DownloadOptions

_SLOWNESS_SHOWS_AFTER_S = 3.0
_SKIPPED_BODY_BYTES = 65_536


class BodyTooLarge(Exception):  # noqa: N818 - becomes an outcome
    """The body is, or says it is, larger than allowed."""


class BodyTooSlow(Exception):  # noqa: N818 - becomes an outcome
    """The body comes more slowly than allowed."""


class ByteHolder(Protocol):
    """Whoever the bytes are for."""

    number: int
    held_bytes: int
    data: bytes | None


async def read_body(
    answer: aiohttp.ClientResponse, holder: ByteHolder, budget: ByteBudget, options: DownloadOptions, deadline: Deadline
) -> None:
    """Read the whole body into `holder.data`, taking each byte from the budget before it is kept.

    Invariant: `holder.held_bytes` is what the budget counts for it, also when this raises.
    """
    announced = answer.content_length or 0
    if announced > options.max_bytes:
        answer.close()
        raise BodyTooLarge
    await _take(holder, budget, announced, deadline)
    loop = asyncio.get_running_loop()
    began_s, size, chunks = loop.time(), 0, []
    async for chunk in answer.content.iter_any():
        size += len(chunk)
        if size > options.max_bytes:
            raise BodyTooLarge
        if size > holder.held_bytes:
            waiting_since_s = loop.time()
            await _take(holder, budget, size - holder.held_bytes, deadline)
            began_s += loop.time() - waiting_since_s
        chunks.append(chunk)
        took_s = loop.time() - began_s
        if took_s > _SLOWNESS_SHOWS_AFTER_S and size < options.min_bytes_per_second * took_s:
            raise BodyTooSlow
    if holder.held_bytes > size:
        budget.give_back(holder.number, holder.held_bytes - size)
        holder.held_bytes = size
    holder.data = chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def _take(holder: ByteHolder, budget: ByteBudget, number: int, deadline: Deadline) -> None:
    if number and not budget.take_now(holder.number, number):
        deadline.pause()
        try:
            await budget.take(holder.number, number)
        finally:
            deadline.resume()
    holder.held_bytes += number


async def skip_body(answer: aiohttp.ClientResponse) -> None:
    """Read a short body that nobody wants, so that its connection can serve again; a long one costs the connection."""
    announced = answer.content_length
    if announced is not None and announced <= _SKIPPED_BODY_BYTES:
        await answer.read()
    elif not answer.content.at_eof():
        answer.close()
