"""The byte budget bounds memory without ever standing still."""

# ruff: noqa: D102, D107 - helpers of tests say by their names what they are

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picsum_vision.concurrency.byte_budget import ByteBudget, NoRoom

CAPACITY = 100
# An image: the chunks in which it comes.
images = st.lists(st.lists(st.integers(1, 90), min_size=1, max_size=4), max_size=25)


class Ledger:
    """Counts by itself what is held, and the most there ever was."""

    def __init__(self) -> None:
        self.held = self.most = 0

    def change(self, by: int) -> None:
        self.held += by
        self.most = max(self.most, self.held)


async def hold(budget: ByteBudget, ledger: Ledger, owner: int, chunks: list[int], rng: random.Random) -> None:
    held = 0
    for chunk in chunks:
        await budget.take(owner, chunk)
        held += chunk
        ledger.change(chunk)
        if rng.random() < 0.3:
            part = rng.randint(0, held)
            held -= part
            ledger.change(-part)
            budget.give_back(owner, part)
        await asyncio.sleep(0)
    ledger.change(-held)
    budget.give_back(owner, held)


@settings(max_examples=200, deadline=None)
@given(images=images, seed=st.integers(0, 1000))
def test_any_images(images: list[list[int]], seed: int) -> None:
    """Whatever the sizes and order, all images pass, and never more is held than the capacity and one image."""

    async def scenario() -> None:
        budget, ledger, rng = ByteBudget(CAPACITY), Ledger(), random.Random(seed)
        work = [hold(budget, ledger, owner, chunks, rng) for owner, chunks in enumerate(images)]
        await asyncio.wait_for(asyncio.gather(*work), 10)
        assert ledger.most <= CAPACITY + max(map(sum, images), default=0)
        assert budget.held == ledger.held == 0

    asyncio.run(scenario())


@settings(max_examples=200, deadline=None)
@given(images=images)
def test_any_images_in_order(images: list[list[int]]) -> None:
    """In an ordered run with few slots, where an image leaves only after those before it, all images pass within the bound."""

    async def scenario() -> None:
        budget, slots, ledger = ByteBudget(CAPACITY), asyncio.Semaphore(3), Ledger()
        budget.first_in_line = 0
        whole: dict[int, int] = {}

        async def fetch(owner: int) -> None:
            while owner not in whole:
                async with slots:
                    held = 0
                    try:
                        for chunk in images[owner]:
                            await budget.take(owner, chunk)
                            held += chunk
                            ledger.change(chunk)
                            await asyncio.sleep(0)
                        whole[owner] = held
                    except NoRoom:
                        ledger.change(-held)
                        budget.give_back(owner, held)
                await asyncio.sleep(0)

        async def leave() -> None:
            for owner in range(len(images)):
                budget.first_in_line = owner
                while owner not in whole:  # noqa: ASYNC110 - the turns of the loop are what is tried
                    await asyncio.sleep(0)
                ledger.change(-whole[owner])
                budget.give_back(owner, whole[owner])

        await asyncio.wait_for(asyncio.gather(leave(), *map(fetch, range(len(images)))), 10)
        assert ledger.most <= CAPACITY + max(map(sum, images), default=0)
        assert budget.held == 0

    asyncio.run(scenario())


def test_a_cancelled_wait_takes_nothing() -> None:
    """Who is cancelled while waiting for bytes holds none, and the bytes go to the next one."""

    async def scenario() -> None:
        budget = ByteBudget(10)
        await budget.take(1, 10)
        await budget.take(0, 5)
        waiting = asyncio.ensure_future(budget.take(2, 5))
        following = asyncio.ensure_future(budget.take(3, 5))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        budget.give_back(0, 5)
        budget.give_back(1, 10)
        await following
        assert budget.held == 5

    asyncio.run(scenario())


def test_one_beyond_at_a_time() -> None:
    """A row that trims what it holds, while still beyond the capacity, lets no second row go beyond."""

    async def scenario() -> None:
        budget = ByteBudget(10)
        await budget.take(1, 30)
        budget.give_back(1, 5)
        assert not budget.take_now(2, 8)
        budget.give_back(1, 25)
        assert budget.take_now(2, 8)

    asyncio.run(scenario())


def test_begin_only_where_the_usual_image_fits() -> None:
    """Once the usual size is known, no more rows may begin than fit beside those under way; the first in line always may."""

    async def scenario() -> None:
        budget = ByteBudget(100)
        assert budget.may_begin(0)
        budget.begin(0)
        await budget.take(0, 40)
        assert budget.may_begin(1)
        budget.begin(1)
        assert not budget.may_begin(2)
        budget.end(1)
        assert budget.may_begin(2)
        budget.begin(2)
        budget.first_in_line = 3
        assert budget.may_begin(3)
        assert not budget.may_begin(4)

    asyncio.run(scenario())
