"""The bare HTTP client: aiohttp alone, nothing kept, nothing checked but that a body came."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import aiohttp

from benchmarks.contestants.protocol import Order, addresses, serve

_OK = 200


class BareDownload:
    """Workers that pull from one iterator of addresses, in one process, without Spark."""

    def __init__(self, _settings: Mapping[str, Any]) -> None:
        """Begin with nothing to do."""
        self._urls: list[str] = []
        self._in_flight = 1
        self._ok = 0

    def prepare(self, order: Order) -> None:
        """Write out the addresses."""
        self._urls, self._in_flight = addresses(order), order["in_flight"]

    def run(self) -> None:
        """Fetch them all."""
        self._ok = asyncio.run(self._fetch_all())

    def rows_ok(self) -> int:
        """Return how many answers were 200 with a body."""
        return self._ok

    def close(self) -> None:
        """Nothing is open."""

    async def _fetch_all(self) -> int:
        source = iter(self._urls)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            return sum(await asyncio.gather(*(_work(source, session) for _ in range(self._in_flight))))


async def _work(source: Iterator[str], session: aiohttp.ClientSession) -> int:
    ok = 0
    for url in source:
        async with session.get(url) as answer:
            ok += len(await answer.read()) > 0 and answer.status == _OK
    return ok


if __name__ == "__main__":
    serve(BareDownload, ["aiohttp"])
