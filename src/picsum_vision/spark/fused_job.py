"""One URL's way through download and description; pictures of the same content share one question."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import MutableMapping
from typing import Final

from picsum_vision.concurrency.job import NOTHING_LEARNT, Feedback, Lane, Turn
from picsum_vision.describing.describer import Describer
from picsum_vision.describing.job import DescribeJob
from picsum_vision.downloading.job import DownloadJob

SAME_PICTURE_POOL: Final = "same-picture"
_SAME_PICTURE_LANE: Final = Lane(SAME_PICTURE_POOL, "")


class FusedJob:
    """One row: its download's steps, then its description's. An image is held in the byte budget until it has been described.

    A picture that another row is asking about, or has an answer for that is at hand, is not asked about again: the job waits for
    that row's answer (`shares_answer`), and lets its own bytes go at once unless they are kept.
    """

    __slots__ = ("__weakref__", "_answered", "_asked", "_describer", "_first", "_keep", "describe", "download", "number")

    def __init__(self, download: DownloadJob, describer: Describer, asked: AskedPictures | None, *, keep_image: bool) -> None:
        """Begin with the download; `asked` are the task's questions so far, None to ask about each row."""
        self.number = download.number
        self.download = download
        self.describe: DescribeJob | None = None
        self._describer = describer
        self._asked = asked
        self._keep = keep_image
        self._first: FusedJob | None = None
        self._answered: asyncio.Event | None = None
        self._go_on()

    @property
    def held_bytes(self) -> int:
        """What the row has taken from the byte budget."""
        return self.download.held_bytes

    @property
    def shares_answer(self) -> bool:
        """Whether another row asked, and accounts for it."""
        return self._first is not None

    @property
    def turn(self) -> Turn | None:
        """The next step's, of whichever part."""
        if self.describe is None:
            return self.download.turn
        if self._first is not None and self.describe.turn is not None:
            return Turn(_SAME_PICTURE_LANE)
        return self.describe.turn

    async def step(self) -> Feedback:
        """Run a step of the part that is on."""
        if self._first is not None:
            await self._first.answered()
            return NOTHING_LEARNT
        feedback = await (self.download if self.describe is None else self.describe).step()
        self._go_on()
        return feedback

    async def answered(self) -> None:
        """Wait until the description has its outcome."""
        assert self.describe is not None  # noqa: S101 - a row is shared from its question on
        if self.describe.turn is not None:
            self._answered = self._answered or asyncio.Event()
            await self._answered.wait()

    def _go_on(self) -> None:
        if self.describe is None and self.download.turn is None:
            self._begin_description()
        if self.describe is None:
            return
        is_described = self.describe.turn is None
        if not self._keep and (is_described or self._first is not None):
            self.download.drop_bytes()
        if is_described and self._answered is not None:
            self._answered.set()

    def _begin_description(self) -> None:
        content = self.download.outcome.sha256 if self.download.data and self.download.outcome is not None else None
        if self._asked is not None and content is not None:
            self._first = self._asked.get(content)
        if self._first is not None:
            self.describe = self._first.describe
            return
        self.describe = self._describer.job(self.number, self.download.data)
        if self._asked is not None and content is not None:
            self._asked[content] = self


# By digest, who asks or has asked; an answer is at hand as long as its row, or one that shares it, is in the window.
AskedPictures = MutableMapping[str, FusedJob]


def no_pictures_yet() -> AskedPictures:
    """Return the questions of a task that has asked none."""
    return weakref.WeakValueDictionary()
