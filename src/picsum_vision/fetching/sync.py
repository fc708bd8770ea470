"""`fetch_images`: an iterator over results, for plain scripts and for notebooks alike."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from picsum_vision.errors import SettingError
from picsum_vision.fetching.results import FetchedImage
from picsum_vision.fetching.settings import check_fetch, no_text
from picsum_vision.fetching.window import FetchWindow
from picsum_vision.options import DownloadOptions

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from typing_extensions import Self

# A source that makes its readers wait, as a queue does, must not keep back what is fetched already.
_GIVING_AT_MOST_S: Final = 0.1
_NO_MORE: Final = object()


class ImageFetch(Iterator[FetchedImage]):
    """The results of :func:`fetch_images`, to be iterated once; `with` or :meth:`close` end it early."""

    def __init__(self, urls: Iterable[Any], options: DownloadOptions, *, ordered: bool) -> None:
        """Start nothing yet."""
        self._urls = urls
        self._options = options
        self._ordered = ordered
        self._results: Iterator[FetchedImage] | None = None

    def __next__(self) -> FetchedImage:
        """Return the next result; the first call starts the downloads."""
        if self._results is None:
            self._results = _results(self._urls, self._options, ordered=self._ordered)
        return next(self._results)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End it."""
        self.close()

    def close(self) -> None:
        """End what is under way; no request is open when it returns. What was not handed out is lost."""
        if self._results is None:
            self._results = iter(())
        elif hasattr(self._results, "close"):
            self._results.close()

    def as_arrow(self) -> pa.Table:
        """Fetch everything and return it in the order of the URLs, all of it in memory.

        Returns
        -------
        pyarrow.Table
            `image_url STRING, image_binary BINARY, download_outcome STRUCT<...>`, the columns of :func:`picsum_vision.download`,
            in chunks of at most 16 MB or one image.

        Raises
        ------
        SettingError
            If the results have been iterated already.

        """
        from picsum_vision.fetching.arrow import as_table  # noqa: PLC0415 - pyarrow only where it is used

        self._begin_in_order("as_arrow")
        return as_table(self)

    def as_pandas(self) -> pd.DataFrame:
        """Fetch everything and return it in the order of the URLs, all of it in memory.

        Returns
        -------
        pandas.DataFrame
            `image_url`, `image_binary` (bytes, None unless the status is ok), and a column for each field of the outcome:
            `status`, `http_status`, `attempts`, `elapsed_ms`, `bytes`, `content_type`, `width`, `height`, `sha256`,
            `final_url`, `message`, `finished_at`.

        Raises
        ------
        SettingError
            If the results have been iterated already.

        """
        from picsum_vision.fetching.arrow import as_frame  # noqa: PLC0415 - pandas only where it is used

        self._begin_in_order("as_pandas")
        return as_frame(self)

    def _begin_in_order(self, name: str) -> None:
        if self._results is not None:
            raise SettingError(f"{name}: these results have been iterated or closed already; call fetch_images again")
        self._ordered = True


def fetch_images(urls: Iterable[str | None], options: DownloadOptions | None = None, *, ordered: bool = False) -> ImageFetch:
    """Fetch the images behind URLs in this process, without Spark.

    Works in plain scripts, in threads, and where an event loop runs already (a notebook): the engine has a loop of its own in a
    thread of its own, and keeps connections and what it has learnt of hosts for the next call.

    Parameters
    ----------
    urls
        Any iterable of URLs: a list, a pandas Series, a generator, even an endless one, of which no more is read than the window
        can use. None, NaN and broken URLs are results like any other (`invalid_url`). A URL that comes twice is fetched twice.
        It is read in the caller's thread: while it makes its reader wait, downloads go on, and their results wait with the
        caller. Where that matters, :func:`fetch_images_async` takes an asynchronous iterable, which holds up nothing.
    options
        How to fetch; :class:`DownloadOptions` with its defaults if None. What it says of one task holds for this call.
    ordered
        Whether results come in the order of the URLs. Otherwise, and quicker, as they are finished; `index` says the place.

    Returns
    -------
    ImageFetch
        An iterator of :class:`FetchedImage`, one for each URL. The first `next` starts the downloads; leaving the loop early, or
        `close`, cancels what is open. Results that are not taken yet hold at most `window_bytes_per_task` bytes and one
        image: when the consumer is slow, the downloads wait for it. `as_arrow()` and `as_pandas()` turn all results into a table.

    Raises
    ------
    SettingError
        If a setting is wrong. What `urls` itself raises comes through, after the downloads were ended.

    """
    return ImageFetch(no_text(urls), check_fetch(options, ordered=ordered), ordered=ordered)


def _results(urls: Iterable[Any], options: DownloadOptions, *, ordered: bool) -> Iterator[FetchedImage]:
    window = FetchWindow(options, ordered=ordered)
    source = iter(urls)
    more = True
    try:
        while True:
            more = more and _give(window, source)
            for job in window.collect():
                yield window.hand_out(job)
                window.handed_out([job])
            if window.is_done:
                return
    finally:
        window.close()


def _give(window: FetchWindow, source: Iterator[Any]) -> bool:
    """Give the window the URLs that it wants and that come without a wait; return whether there may be more.

    Each is given before the next is asked for: nobody knows beforehand how long the source takes over that one.
    """
    give_up_s = time.monotonic() + _GIVING_AT_MOST_S
    while window.room > 0:
        url = next(source, _NO_MORE)
        if url is _NO_MORE:
            window.all_given()
            return False
        window.give([url])
        if time.monotonic() > give_up_s:
            return True
    return True
