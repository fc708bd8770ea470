"""`fetch_images_async`: the same for those who have an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Iterable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TYPE_CHECKING

from picsum_vision.fetching.results import FetchedImage
from picsum_vision.fetching.settings import check_fetch, no_text
from picsum_vision.fetching.window import FetchWindow
from picsum_vision.options import DownloadOptions

if TYPE_CHECKING:
    from typing_extensions import Self

    Urls = Iterable[str | None] | AsyncIterable[str | None]


class AsyncImageFetch(AsyncIterator[FetchedImage]):
    """The results of :func:`fetch_images_async`, to be iterated once; `async with` or :meth:`aclose` end it early."""

    def __init__(self, urls: Urls, options: DownloadOptions, *, ordered: bool) -> None:
        """Start nothing yet."""
        self._results = _results(urls, options, ordered=ordered)

    def __anext__(self) -> Awaitable[FetchedImage]:
        """Return the next result; the first call starts the downloads."""
        return self._results.__anext__()

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End it."""
        await self.aclose()

    async def aclose(self) -> None:
        """End what is under way; no request is open when it returns. What was not handed out is lost."""
        await self._results.aclose()


def fetch_images_async(urls: Urls, options: DownloadOptions | None = None, *, ordered: bool = False) -> AsyncImageFetch:
    """Fetch the images behind URLs in this process, for code that has an event loop.

    As :func:`fetch_images`, with `async for`. The engine has a loop of its own: this one is not kept waiting by it, and its
    results reach the caller some at a time, within a quarter of a second.

    Parameters
    ----------
    urls
        Any iterable or asynchronous iterable of URLs; an asynchronous one may make its reader wait, and holds up no result.
    options, ordered
        As for :func:`fetch_images`.

    Returns
    -------
    AsyncImageFetch
        An asynchronous iterator of :class:`FetchedImage`, one for each URL. A task that is cancelled while it waits for a result
        cancels the downloads. After a `break` the loop ends them when it gets to it: `async with` ends them at once.

    Raises
    ------
    SettingError
        If a setting is wrong. What `urls` itself raises comes through, after the downloads were ended.

    """
    return AsyncImageFetch(no_text(urls, asynchronous=True), check_fetch(options, ordered=ordered), ordered=ordered)


async def _results(urls: Urls, options: DownloadOptions, *, ordered: bool) -> AsyncGenerator[FetchedImage, None]:
    loop = asyncio.get_running_loop()
    # What waits for the engine does so in a thread of this fetch's own: the loop's usual threads may be busy with other work.
    with ThreadPoolExecutor(1, thread_name_prefix="picsum-vision-fetch") as waiting:
        window = await loop.run_in_executor(waiting, lambda: FetchWindow(options, ordered=ordered))
        collected = asyncio.Event()
        feeding = asyncio.create_task(_feed(window, urls, collected))
        try:
            while not window.is_done:
                for job in await loop.run_in_executor(waiting, window.collect):
                    yield window.hand_out(job)
                    window.handed_out([job])
                collected.set()
                if feeding.done():
                    feeding.result()
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
            await asyncio.shield(loop.run_in_executor(waiting, window.close))


async def _feed(window: FetchWindow, urls: Urls, collected: asyncio.Event) -> None:
    async for url in _each(urls):
        while window.room <= 0:
            collected.clear()
            await collected.wait()
        window.give([url])
    window.all_given()


async def _each(urls: Urls) -> AsyncIterator[str | None]:
    if isinstance(urls, AsyncIterable):
        async for url in urls:
            yield url
    else:
        for url in urls:
            yield url
