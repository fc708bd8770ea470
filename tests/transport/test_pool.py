"""Idle connections serve again while they are fresh, and go when they are not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from many_examples import many_examples
from scripted_host import Host, answering, client, get, leaving_nothing, open_sockets, plain, script, turns

from picsum_vision.transport import pool
from picsum_vision.transport.connecting import Connector
from picsum_vision.transport.connection import HttpConnection
from picsum_vision.transport.origin import Origin
from picsum_vision.transport.pool import ConnectionPool


def host_of_pictures() -> Host:
    return answering(script(plain(b"ok")))


async def connect(host: Host, number: int) -> list[HttpConnection]:
    """Open connections that nobody uses."""
    connector = Connector(asyncio.get_running_loop(), public_addresses_only=False, connect_timeout_s=5)
    origin = Origin("http", "127.0.0.1", host.port)
    return [await connector.connect(origin, lambda _: None) for _ in range(number)]


@pytest.fixture
def quick_sweep() -> Iterator[None]:
    """Sweep a hundred times a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "_SWEEP_S", 0.01)
        yield


def test_the_one_used_last_is_taken_first() -> None:
    """Of several idle connections, the one that was used last serves next, each once, for its own origin only."""

    async def work() -> None:
        loop = asyncio.get_running_loop()
        here, there = Origin("http", "here", 80), Origin("https", "here", 80)
        async with host_of_pictures().serving() as host:
            kept = ConnectionPool(loop)
            first, second, third = await connect(host, 3)
            for origin, connection in ((here, first), (here, second), (there, third)):
                connection.idle_since_s = loop.time()
                kept.give_back(origin, connection)
            assert [kept.take(here), kept.take(here), kept.take(here)] == [second, first, None]
            assert kept.take(there) is third
            for connection in (first, second, third):
                connection.abort()
            kept.close()

    leaving_nothing(work)


def test_an_old_connection_is_not_taken() -> None:
    """A connection that has been idle for too long is closed instead of being used."""

    async def work() -> None:
        loop = asyncio.get_running_loop()
        origin = Origin("http", "here", 80)
        async with host_of_pictures().serving() as host:
            kept = ConnectionPool(loop, keep_alive_s=4)
            fresh, old = await connect(host, 2)
            fresh.idle_since_s, old.idle_since_s = loop.time(), loop.time() - 5
            kept.give_back(origin, fresh)
            kept.give_back(origin, old)
            assert kept.take(origin) is fresh
            assert not old.is_open
            fresh.abort()
            kept.close()

    leaving_nothing(work)


def test_idle_connections_are_swept(quick_sweep: None) -> None:
    """Idle connections close by themselves when their time is up, and then nothing ticks any more."""

    async def work() -> None:
        async with host_of_pictures().serving() as host, client() as http:
            http._pool._keep_alive_s = 0.02
            before = open_sockets()
            await asyncio.gather(*[get(http, f"http://127.0.0.1:{host.port}/0") for _ in range(5)])
            while http._pool._sweep is not None:  # noqa: ASYNC110 - the test's own timeout bounds it
                await asyncio.sleep(0.01)
            await turns(5)
            assert http._pool._idle == {}
            assert open_sockets() <= before

    leaving_nothing(work)


def test_a_connection_that_the_host_closes_is_not_taken() -> None:
    """A connection whose end has come while it was idle serves nobody."""

    async def work() -> int:
        async with host_of_pictures().serving() as host, client() as http:
            url = f"http://127.0.0.1:{host.port}/0"
            await get(http, url)
            for task in host._tasks:
                task.cancel()
            await turns(10)
            await get(http, url)
            return len(host.connections)

    assert leaving_nothing(work) == 2


@many_examples(30)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=5))
def test_no_more_connections_than_were_at_work_at_once(bursts: list[int]) -> None:
    """Bursts of requests open as many connections as the largest of them needs."""

    async def work() -> int:
        async with host_of_pictures().serving() as host, client() as http:
            for burst in bursts:
                await asyncio.gather(*[get(http, f"http://127.0.0.1:{host.port}/0") for _ in range(burst)])
            return len(host.connections)

    assert leaving_nothing(work) == max(bursts)
