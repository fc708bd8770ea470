"""Checks of what a fetch is given, before any work."""

from __future__ import annotations

from typing import Any, TypeVar

from picsum_vision.errors import SettingError
from picsum_vision.options import DownloadOptions
from picsum_vision.validation import check_flag

Urls = TypeVar("Urls")


def check_fetch(options: DownloadOptions | None, *, ordered: Any) -> DownloadOptions:
    """Return the options, or their defaults."""
    check_flag("ordered", ordered)
    if options is None:
        return DownloadOptions()
    if not isinstance(options, DownloadOptions):
        raise SettingError(f"options: {type(options).__name__} is not allowed; it must be DownloadOptions(...)")
    return options


def no_text(urls: Urls, *, asynchronous: bool = False) -> Urls:
    """Refuse what is no series of URLs; one URL alone would be taken for a series of letters."""
    if isinstance(urls, (str, bytes)):
        raise SettingError("urls: one text is not allowed; it must be a list or another iterable of URLs, as in [url]")
    if not (hasattr(urls, "__iter__") or (asynchronous and hasattr(urls, "__aiter__"))):
        raise SettingError(f"urls: {type(urls).__name__} is not allowed; it must be a list or another iterable of URLs")
    return urls
