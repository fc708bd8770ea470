"""One row's way through both stages, without Spark."""

from __future__ import annotations

import gc
import weakref
from types import SimpleNamespace

from picsum_vision.spark.fused_job import Backlog, FusedJob, no_pictures_yet


class Downloaded:
    """A download that is done, as a fused job sees it."""

    turn, held_bytes = None, 3

    def __init__(self, number: int) -> None:
        """Have the same picture as all others."""
        self.number, self.data, self.outcome = number, b"abc", SimpleNamespace(sha256="of abc")

    def drop_bytes(self) -> None:
        """Let them go."""
        self.data = None


def test_a_picture_leaves_with_its_row():
    """Rows that share an answer hold its question, not the first row's bytes, which are free once that row has left."""
    asked = no_pictures_yet()
    describer = SimpleNamespace(job=lambda number, _: SimpleNamespace(turn=None, number=number))
    first, second = (
        FusedJob(Downloaded(number), describer, asked, Backlog(8, lambda: None), keep_image=True) for number in range(2)
    )
    assert (first.shares_answer, second.shares_answer) == (False, True)
    bytes_of_first = weakref.ref(first.download)
    del first
    gc.collect()
    assert bytes_of_first() is None
    third = FusedJob(Downloaded(3), describer, asked, Backlog(8, lambda: None), keep_image=True)
    assert third.shares_answer
    assert third.describe is second.describe
