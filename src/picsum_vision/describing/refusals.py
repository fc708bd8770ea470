"""Whether a chat endpoint refuses for good: the key, the model or the address, which the next request would meet as well."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from picsum_vision.describing.job_terms import JobTerms
from picsum_vision.outcomes import DescribeStatus

# Once the endpoint has answered, a few such refusals in a row may be the rows' own, as of a filter before it.
_AFTER_AN_ANSWER: Final = 10
_LOOK_AHEAD: Final = 2
_LOOK_FURTHER_EVERY_S: Final = 0.25


class EndpointRefusals:
    """What one task knows of it.

    States: unknown -> answering, with the first 2xx; unknown -> doubtful -> refusing, with final refusals in a row. While it is
    unknown no more than `at_first` requests are in flight, while it is doubtful one. Refusing is the end: `cause` says why.
    """

    def __init__(self, terms: JobTerms, at_first: int, no_key: str | None) -> None:
        """Begin as the job knows the endpoint; without a key it refuses already."""
        self.status = DescribeStatus.AUTH
        self.cause = no_key
        self._limit = terms.refusals
        self._is_open = terms.told > 0
        self._looks_ahead = not terms.in_job or self._is_open
        self._at_first = at_first
        self._in_a_row = 0
        self._in_flight = 0
        self._changed: asyncio.Event | None = None
        self._began_s = time.monotonic()

    async def enter(self) -> bool:
        """Wait until a request may be sent; False if the endpoint refuses by then."""
        while self.cause is None and not self._is_open and self._in_flight >= (1 if self._in_a_row else self._at_first):
            self._changed = self._changed or asyncio.Event()
            await self._changed.wait()
        self._in_flight += self.cause is None
        return self.cause is None

    def leave(self) -> None:
        """Take in that a request has come to its end."""
        self._in_flight -= 1
        if self._changed is not None:
            self._changed.set()
            self._changed = None

    def take_answer(self) -> None:
        """Take in a 2xx."""
        self._is_open = self._looks_ahead = True
        self._in_a_row = 0
        self._limit = _AFTER_AN_ANSWER

    def take_refusal(self, status: DescribeStatus, cause: str) -> None:
        """Take in a final refusal that is not the row's own."""
        self._in_a_row += 1
        if self.cause is None and self._in_a_row >= self._limit:
            self.status, self.cause = status, cause

    def rows_ahead(self) -> int | None:
        """Return for how many rows images may be fetched: few while a job's endpoint is unknown, as nobody may describe them.

        More with time, since their hosts may be slow; None: as many as the window holds.
        """
        if self._looks_ahead or self.cause is not None:
            return None
        return self._at_first * (_LOOK_AHEAD + int((time.monotonic() - self._began_s) / _LOOK_FURTHER_EVERY_S))
