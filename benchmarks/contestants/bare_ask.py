"""The bare HTTP client that asks: aiohttp alone, the images in memory, the answers' text counted and dropped."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import aiohttp
import pyarrow.parquet as pq

from benchmarks.contestants.chat_body import answer_of, chat_body
from benchmarks.contestants.protocol import Order, serve

_OK = 200
_HEADERS = {"Content-Type": "application/json"}


class BareAsk:
    """Workers that pull from one iterator of images, in one process, without Spark."""

    def __init__(self, _settings: Mapping[str, Any]) -> None:
        """Begin with nothing to do."""
        self._images: list[bytes] = []
        self._url = ""
        self._in_flight = 1
        self._ok = 0

    def prepare(self, order: Order) -> None:
        """Read the images."""
        self._images = pq.read_table(order["pictures"])["image_binary"].to_pylist()
        self._url, self._in_flight = f"{order['base_url']}/chat/completions", order["in_flight"]

    def run(self) -> None:
        """Ask about them all."""
        self._ok = asyncio.run(self._ask_all())

    def rows_ok(self) -> int:
        """Return how many answers were 200 with a text."""
        return self._ok

    def close(self) -> None:
        """Nothing is open."""

    async def _ask_all(self) -> int:
        source = iter(self._images)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            return sum(await asyncio.gather(*(self._work(source, session) for _ in range(self._in_flight))))

    async def _work(self, source: Iterator[bytes], session: aiohttp.ClientSession) -> int:
        ok = 0
        for image in source:
            async with session.post(self._url, data=chat_body(image), headers=_HEADERS) as answer:
                body = await answer.read()
                ok += answer.status == _OK and bool(answer_of(body))
        return ok


if __name__ == "__main__":
    serve(BareAsk, ["aiohttp"])
