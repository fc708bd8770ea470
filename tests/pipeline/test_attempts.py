"""Tasks that Spark has run again are noticed by the marks of their rows."""

from __future__ import annotations

import pytest

from picsum_vision.pipeline.attempts import Attempts


@pytest.mark.parametrize(
    ("passes", "twice"),
    [
        ([["a/1/0/7", "a/1/1/8"], ["a/1/0/7", "a/2/0/9"]], False),  # handed on, and read by the next leg
        ([["a/1/0/7", "a/1/0/9"]], True),  # both attempts in one pass
        ([["a/1/0/7"], [], ["a/2/0/8", "a/1/0/9"]], True),  # the second one's rows leave two passes later
        ([["a/1/0/7"], ["b/1/0/9"]], False),  # another window's first leg
        ([["a/1/0/7"], ["a/1/0/9"], ["a/1/1/8"]], True),  # and it is not forgotten
        ([[]], False),
    ],
)
def test_two_attempts_of_one_task_are_noticed(passes, twice):
    """A task is a leg's partition of one relay; only rows of two attempts of it may be there twice."""
    attempts = Attempts()
    for marks in passes:
        attempts.look(marks)
    assert attempts.any_twice is twice
