"""One URL's way through download and description; pictures of the same content share one question."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, MutableMapping
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

    __slots__ = ("_asked", "_backlog", "_describer", "_keep", "_question", "download", "number", "shares_answer")

    def __init__(
        self, download: DownloadJob, describer: Describer, asked: AskedPictures | None, backlog: Backlog, *, keep_image: bool
    ) -> None:
        """Begin with the download; `asked` are the task's questions so far, None to ask about each row."""
        self.number = download.number
        self.download = download
        self.shares_answer = False  # whether another row asked, and accounts for it
        self._question: _Question | None = None
        self._describer = describer
        self._asked = asked
        self._backlog = backlog
        self._keep = keep_image
        self._go_on()

    @property
    def describe(self) -> DescribeJob | None:
        """The question, once there is one, unless it was left unanswered."""
        return None if self._question is None or self._question.is_left else self._question.job

    @property
    def held_bytes(self) -> int:
        """What the row has taken from the byte budget."""
        return self.download.held_bytes

    def let_go(self) -> int:
        """Let go of the image; the answer stays."""
        return self.download.let_go()

    def leave(self) -> None:
        """Take in that no further step will run: who waits for this row's answer gets none, either."""
        if self._question is not None and not self.shares_answer:
            self._question.leave()

    @property
    def turn(self) -> Turn | None:
        """The next step's, of whichever part."""
        if self._question is None:
            return self.download.turn
        if self._question.is_left:
            return None
        if self.shares_answer and self._question.job.turn is not None:
            return Turn(_SAME_PICTURE_LANE)
        return self._question.job.turn

    async def step(self) -> Feedback:
        """Run a step of the part that is on."""
        if self.shares_answer and self._question is not None:
            await self._question.answered()
            return NOTHING_LEARNT
        feedback = await (self.download if self._question is None else self._question.job).step()
        self._go_on()
        return feedback

    def _go_on(self) -> None:
        if self._question is None and self.download.turn is None:
            self._begin_description()
        if self._question is None:
            return
        if not self.shares_answer and self._question.job.turn is None:
            self._backlog.remove(self)
        if not self._keep and (self._question.job.turn is None or self.shares_answer):
            self.download.drop_bytes()
        self._question.look()

    def _begin_description(self) -> None:
        content = self.download.outcome.sha256 if self.download.data and self.download.outcome is not None else None
        if self._asked is not None and content is not None:
            self._question = self._asked.get(content)
        if self._question is not None:
            self.shares_answer = True
            return
        self._question = _Question(self._describer.job(self.number, self.download.data))
        self._backlog.add(self)
        if self._asked is not None and content is not None:
            self._asked[content] = self._question


class Backlog:
    """Rows that have an image and no answer yet. Further downloads wait while there are many: images in memory help nobody."""

    def __init__(self, most: int, on_room: Callable[[], None]) -> None:
        """Let `most` rows be there before downloads wait; `on_room` is called when they need not wait any more."""
        self._most = most
        self._on_room = on_room
        self._jobs: set[FusedJob] = set()

    @property
    def has_room(self) -> bool:
        """Whether another download may begin."""
        return len(self._jobs) < self._most

    def add(self, job: FusedJob) -> None:
        """Count a row whose image is here."""
        self._jobs.add(job)

    def remove(self, job: FusedJob) -> None:
        """Count it no more."""
        was_full = not self.has_room
        self._jobs.discard(job)
        if was_full and self.has_room:
            self._on_room()


class _Question:
    """A question that several rows may wait for. It holds no picture of a row: that leaves with its row."""

    __slots__ = ("__weakref__", "_has_answer", "is_left", "job")

    def __init__(self, job: DescribeJob) -> None:
        self.job = job
        self.is_left = False
        self._has_answer: asyncio.Event | None = None

    async def answered(self) -> None:
        """Wait until there is an outcome."""
        if self.job.turn is not None and not self.is_left:
            self._has_answer = self._has_answer or asyncio.Event()
            await self._has_answer.wait()

    def leave(self) -> None:
        """Wake who waits: there will be no outcome."""
        self.is_left = True
        if self._has_answer is not None:
            self._has_answer.set()

    def look(self) -> None:
        """Wake who waits, if there is an outcome."""
        if self._has_answer is not None and self.job.turn is None:
            self._has_answer.set()


# By digest, what is asked or has been; an answer is at hand as long as its row, or one that shares it, is in the window.
AskedPictures = MutableMapping[str, _Question]


def no_pictures_yet() -> AskedPictures:
    """Return the questions of a task that has asked none."""
    return weakref.WeakValueDictionary()
