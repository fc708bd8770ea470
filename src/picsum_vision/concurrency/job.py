"""A unit of work that goes forward in steps, each in a lane.

A job's life:  waiting in a lane -> running one step -> waiting in a lane (the same or another, at once or after a delay)
-> ... -> done. Only a running step holds a slot; a job that waits for a retry or for its lane's turn holds none.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Lane(NamedTuple):
    """Where a step runs: `pool` names what is scarce (download slots, model slots, CPU), `key` who is asked (a host)."""

    pool: str
    key: str


class Turn(NamedTuple):
    """A job's next step: in which lane, and after how many seconds at the earliest; `opens`: others will probably follow it."""

    lane: Lane
    delay_s: float = 0.0
    opens: bool = False


class Feedback(NamedTuple):
    """What a step learnt about its lane.

    `overloaded`: the far side refused or broke for load, so fewer requests should be in flight there. `refused`: it answered
    that it is asked too often, so requests should start less often. `timed_out`: it did not answer in time. `latency_s`: seconds
    until it answered, None if that says nothing. `pause_s`: the far side asked for this long a silence. `told_per_s`: so many
    requests a second the far side says it allows, to all who share its allowance; `told_left`: so many of them it says are left
    just now.
    """

    overloaded: bool = False
    refused: bool = False
    latency_s: float | None = None
    pause_s: float = 0.0
    told_per_s: float | None = None
    told_left: float | None = None
    timed_out: bool = False


NOTHING_LEARNT = Feedback()


class Job(Protocol):
    """What the scheduler runs. `turn` is the next step's, None once the job is done."""

    @property
    def turn(self) -> Turn | None:
        """The next step's turn, None once the job is done."""
        ...

    async def step(self) -> Feedback:
        """Run one step, set `turn`, and say what it learnt. Must not raise but for cancellation."""
        ...
