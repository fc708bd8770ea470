"""An HTTP proxy on loopback: absolute-form requests and CONNECT, with or without a password; it knows the names it is told."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


class SmallProxy:
    """Passes on what it is asked for; `asked` has the first line of each request, `refused` how many had no password."""

    def __init__(self, names: Mapping[str, tuple[str, int]], credentials: str | None = None) -> None:
        """Know where the hosts of `names` (host:port) are, and nobody else."""
        self._names = names
        self._password = None if credentials is None else b"Basic " + base64.b64encode(credentials.encode())
        self._tasks: set[asyncio.Task[None]] = set()
        self.asked: list[str] = []
        self.refused = 0
        self.port = 0

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[SmallProxy]:
        """Listen until the block ends."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
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
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                head = await reader.readuntil(b"\r\n\r\n")
                if self._password is not None and self._password not in head:
                    self.refused += 1
                    writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                    await writer.drain()
                    return
                await self._pass_on(head, reader, writer)
        finally:
            writer.transport.abort()

    async def _pass_on(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, _, fields = head.partition(b"\r\n")
        method, url, _ = line.decode().split(" ")
        self.asked.append(f"{method} {url}")
        parts = urlsplit(url if "://" in url else f"//{url}")
        address = self._names.get(f"{parts.hostname}:{parts.port}")
        if address is None:
            writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            return
        there_reader, there_writer = await asyncio.open_connection(*address)
        try:
            if method == "CONNECT":
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
                there_writer.write(f"{method} {path} HTTP/1.1\r\nConnection: close\r\n".encode() + fields)
            await asyncio.wait(
                [asyncio.ensure_future(_copy(reader, there_writer)), asyncio.ensure_future(_copy(there_reader, writer))],
                return_when=asyncio.ALL_COMPLETED if method == "CONNECT" else asyncio.FIRST_COMPLETED,
            )
        finally:
            there_writer.transport.abort()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await source.read(65_536):
            target.write(chunk)
            await target.drain()
        target.write_eof()
