"""Bodies that are sent in parts, and files that are read line by line."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from picsum_vision.concurrency.deadline import DeadlinePassed
from picsum_vision.transport.client import HttpClient
from picsum_vision.transport.head import Head
from picsum_vision.transport.lines_body import LinesBody
from picsum_vision.transport.origin import request_target
from picsum_vision.transport.whole_body import WholeBody

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def with_server(handler: Handler, ask: Callable[[HttpClient, URL], Awaitable[Any]]) -> Any:
    """Serve with `handler` on a port of its own and return what `ask` returns."""

    async def main() -> Any:
        app = web.Application(client_max_size=1 << 30)
        app.router.add_route("*", "/", handler)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        client = HttpClient(asyncio.get_running_loop(), public_addresses_only=False, connect_timeout_s=5)
        try:
            return await ask(client, URL(f"http://127.0.0.1:{runner.addresses[0][1]}/"))
        finally:
            await client.close()
            await runner.cleanup()

    return asyncio.run(main())


def test_parts_arrive_as_one_body_and_are_not_read_ahead() -> None:
    """A body of many parts arrives whole; while the host takes nothing, only what the system buffers has been read of it."""
    part, count, taken = b"x" * 100_000, 300, 0
    taken_while_waiting = 0

    def parts() -> Iterator[bytes]:
        nonlocal taken
        for _ in range(count):
            taken += 1
            yield part

    async def handler(request: web.Request) -> web.Response:
        nonlocal taken_while_waiting
        before = -1
        while before != taken:
            before = taken
            await asyncio.sleep(0.1)
        taken_while_waiting = taken
        return web.Response(text=hashlib.sha256(await request.read()).hexdigest())

    async def ask(client: HttpClient, url: URL) -> WholeBody:
        sink = WholeBody(1_000)
        await client.post_parts(request_target(url), (), parts(), length=count * len(part), sink=sink, left_s=30)
        return sink

    sink = with_server(handler, ask)
    assert (sink.status, sink.body.decode()) == (200, hashlib.sha256(part * count).hexdigest())
    assert taken_while_waiting < count / 2


def test_an_answer_before_the_body_is_whole_ends_the_connection() -> None:
    """A refusal that comes early is taken, the rest is not sent, and the next request goes out on another connection."""
    connections = set()

    async def handler(request: web.Request) -> web.Response:
        assert request.transport is not None
        connections.add(request.transport.get_extra_info("peername"))
        return web.Response(status=413 if request.method == "POST" else 200)

    async def ask(client: HttpClient, url: URL) -> list[int | None]:
        sinks = [WholeBody(1_000), WholeBody(1_000)]
        endless = (b"y" * 100_000 for _ in range(10_000))
        await client.post_parts(request_target(url), (), endless, length=10**9, sink=sinks[0], left_s=30)
        await client.get(request_target(url), (), sinks[1], 30)
        return [sink.status for sink in sinks]

    assert with_server(handler, ask) == [413, 200]
    assert len(connections) == 2


def test_parts_that_cannot_be_read_end_the_exchange() -> None:
    """What goes wrong while a part is read is what the caller gets, and the client works on."""

    def parts() -> Iterator[bytes]:
        yield b"abc"
        raise OSError(5, "no such disk")

    async def handler(request: web.Request) -> web.Response:
        return web.Response(text=str(len(await request.read())))

    async def ask(client: HttpClient, url: URL) -> bytes:
        with pytest.raises(OSError, match="no such disk"):
            await client.post_parts(request_target(url), (), parts(), length=10, sink=WholeBody(100), left_s=30)
        sink = WholeBody(100)
        await client.post(request_target(url), (), b"12345", sink, 30)
        return sink.body

    assert with_server(handler, ask) == b"5"


def head(status: int = 200) -> Head:
    """Return a head without fields."""
    return Head(status, [])


@given(st.lists(st.binary(max_size=30)), st.lists(st.integers(1, 7), min_size=1))
def test_lines_are_whole_however_they_are_cut(texts: list[bytes], cuts: list[int]) -> None:
    """Each line that is not blank is given once and whole, in order, wherever the chunks are cut."""
    body = b"\n".join(texts)
    taken: list[bytes] = []
    sink = LinesBody(taken.append, 100, 5)
    sink.head(head())
    start = 0
    for number in range(len(body) + 1):
        size = cuts[number % len(cuts)]
        sink.data(body[start : start + size])
        start += size
    sink.end()
    assert taken == [line for line in body.split(b"\n") if line.strip()]


def test_a_refusal_is_kept_and_no_line() -> None:
    """The body of any other status is there as it is, and is given to nobody."""
    taken: list[bytes] = []
    sink = LinesBody(taken.append, 100, 5)
    sink.head(head(404))
    sink.data(b'{"error":\n{}}\n')
    sink.end()
    assert (sink.body, taken) == (b'{"error":\n{}}\n', [])


def test_a_standstill_ends_a_file() -> None:
    """A file may take as long as it likes while it moves, and not longer than the bound when it does not."""
    sink = LinesBody(lambda _: None, 100, 5)
    sink.head(head())
    for second in range(1, 100):
        sink.data(b"a")
        sink.look(second)
    sink.look(103.5)
    with pytest.raises(DeadlinePassed):
        sink.look(104.5)
