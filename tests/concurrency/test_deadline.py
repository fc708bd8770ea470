"""The deadline ends what takes too long, and nothing else."""

from __future__ import annotations

import asyncio

import pytest

from picsum_vision.concurrency.deadline import Deadline, DeadlinePassed


def test_ends_a_hanging_block() -> None:
    """A block that would never end raises DeadlinePassed, and the task goes on as if nothing had been cancelled."""

    async def scenario() -> str:
        with pytest.raises(DeadlinePassed):
            async with Deadline(0.01):
                await asyncio.Event().wait()
        await asyncio.sleep(0)
        return "went on"

    assert asyncio.run(scenario()) == "went on"


def test_no_time_passes_while_paused() -> None:
    """A wait that is longer than the whole deadline costs nothing between pause and resume."""

    async def scenario() -> float:
        async with Deadline(0.05) as deadline:
            deadline.pause()
            await asyncio.sleep(0.1)
            deadline.resume()
            await asyncio.sleep(0)
            return deadline.left_s

    assert 0 < asyncio.run(scenario()) <= 0.05


def test_goes_on_after_a_pause() -> None:
    """After resume the rest of the time still ends the block."""

    async def scenario() -> None:
        async with Deadline(0.01) as deadline:
            deadline.pause()
            deadline.resume()
            deadline.resume()
            await asyncio.Event().wait()

    with pytest.raises(DeadlinePassed):
        asyncio.run(scenario())


def test_left_after_the_block() -> None:
    """What a block did not use is told afterwards, so that the next hop may use it."""

    async def scenario() -> float:
        async with Deadline(5) as deadline:
            await asyncio.sleep(0.01)
        return deadline.left_s

    assert 4 < asyncio.run(scenario()) < 5


def test_somebody_elses_cancellation_goes_through() -> None:
    """A task that is cancelled from outside ends as cancelled, not as late."""

    async def scenario() -> None:
        async def work() -> None:
            async with Deadline(10):
                await asyncio.Event().wait()

        task = asyncio.ensure_future(work())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()

    asyncio.run(scenario())


def test_an_error_of_the_block_stays_itself() -> None:
    """An exception of the block is neither hidden nor changed."""

    async def scenario() -> None:
        async with Deadline(10):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        asyncio.run(scenario())
