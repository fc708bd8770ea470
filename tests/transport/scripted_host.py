"""Hosts on loopback that send exactly the bytes they are told to, and a run that must leave nothing behind."""

# ruff: noqa: D102, D107 - helpers of tests say by their names what they are

from __future__ import annotations

import asyncio
import dataclasses
import gc
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from yarl import URL

from picsum_vision.transport.client import HttpClient
from picsum_vision.transport.exchange import Exchange
from picsum_vision.transport.origin import request_target
from picsum_vision.transport.whole_body import WholeBody

T = TypeVar("T")
OK = b"HTTP/1.1 200 OK\r\n"
_TURNS_TO_SETTLE = 20


@dataclasses.dataclass(frozen=True)
class Script:
    """What is sent in answer to one request, piece by piece, and what becomes of the connection: stay, close or reset."""

    pieces: Sequence[bytes]
    then: str = "stay"


def script(raw: bytes, then: str = "stay") -> Script:
    """Answer in one piece."""
    return Script([raw], then)


def plain(body: bytes, status: bytes = b"200 OK", fields: bytes = b"") -> bytes:
    """Return an answer with an announced body."""
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n%b\r\n%b" % (status, len(body), fields, body)


class Host:
    """Answers each request with the script that `answer` picks by its path; keeps what it was asked, by connection."""

    def __init__(self, answer: Callable[[str], Script], *, on_connect: bytes = b"") -> None:
        self._answer = answer
        self._on_connect = on_connect
        self._tasks: set[asyncio.Task[None]] = set()
        self.connections: list[list[bytes]] = []
        self.port = 0

    @asynccontextmanager
    async def serving(self, tls: ssl.SSLContext | None = None, address: str = "127.0.0.1") -> AsyncIterator[Host]:
        server = await asyncio.start_server(self._serve, address, 0, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        asked: list[bytes] = []
        self.connections.append(asked)
        try:
            writer.write(self._on_connect)
            # A client that goes away is nothing to a host; neither is the end of the test.
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await self._answer_one(reader, writer, asked):
                    pass
        finally:
            writer.transport.abort()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: list[bytes]) -> bool:
        request = await reader.readuntil(b"\r\n\r\n")
        for line in request.split(b"\r\n"):
            if line.startswith(b"Content-Length:"):
                request += await reader.readexactly(int(line.partition(b":")[2]))
        asked.append(request)
        told = self._answer(request.split(b" ")[1].decode())
        for piece in told.pieces:
            writer.write(piece)
            await writer.drain()
            await turns(2)
        if told.then == "stay":
            return True
        sock = writer.get_extra_info("socket")
        if told.then == "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif told.then == "close" and writer.transport.get_extra_info("sslcontext") is None:
            writer.write_eof()
            await reader.read()
        elif told.then == "close":
            writer.close()
            await writer.wait_closed()
        return False


def answering(*scripts: Script) -> Host:
    """Return a host whose path `/<number>` is answered with the script of that number."""
    return Host(lambda path: scripts[int(path[1:])])


async def turns(number: int) -> None:
    """Let the loop go round."""
    for _ in range(number):
        await asyncio.sleep(0)


@asynccontextmanager
async def client(**settings: Any) -> AsyncIterator[HttpClient]:
    """Give a client, closed afterwards."""
    made = HttpClient(asyncio.get_running_loop(), **{"public_addresses_only": False, "connect_timeout_s": 5.0, **settings})
    try:
        yield made
    finally:
        await made.close()


async def get(http: HttpClient, url: str, left_s: float = 10.0, sink: WholeBody | None = None) -> WholeBody:
    """Return the answer to a GET."""
    sink = sink or WholeBody(10_000_000)
    exchange = await http.get(request_target(URL(url)), (), sink, left_s)
    assert isinstance(exchange, Exchange)
    assert exchange.done.done()
    return sink


async def outcomes(tasks: Iterable[asyncio.Task[T]]) -> list[T | BaseException]:
    """Return what each task ends with."""
    return await asyncio.gather(*tasks, return_exceptions=True)


def leaving_nothing(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run `work` on a loop of its own; no socket, no task and no exception that nobody heard of may be left of it."""

    async def run() -> T:
        loop = asyncio.get_running_loop()
        unheard: list[dict[str, Any]] = []
        loop.set_exception_handler(lambda _, context: unheard.append(context))
        before = open_sockets()
        result = await work()
        await turns(_TURNS_TO_SETTLE)
        gc.collect()
        await turns(1)
        assert unheard == []
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert open_sockets() - before == set()
        return result

    return asyncio.run(run())


def open_sockets() -> set[str]:
    """Return this process's sockets, as Linux names them (elsewhere none)."""
    links = set()
    folder = Path("/proc/self/fd")
    for entry in folder.iterdir() if folder.is_dir() else ():
        with suppress(FileNotFoundError):
            links.add(str(entry.readlink()))
    return {link for link in links if link.startswith("socket:")}
