"""The numbers of the pictures that a Lorem Picsum host has, read from its paged list."""

from __future__ import annotations

import asyncio
from typing import Any

from picsum_vision.errors import ImageSourceError

_PAGE_SIZE = 100
_TIMEOUT_S = 30
_MOST_PAGES = 10_000


def listed_ids(base_url: str, *, skip: int, count: int) -> list[str]:
    """Return up to `count` ids in the host's order, after the first `skip`; raises ImageSourceError.

    The pages are followed by the `Link` header's `next`; the host gives one on its last page too, so an empty page ends it.
    """
    from picsum_vision.concurrency.loop_thread import LoopThread  # noqa: PLC0415 - aiohttp only where it is used

    return LoopThread.current().run(_read(base_url, skip, count))


async def _read(base_url: str, skip: int, count: int) -> list[str]:
    import aiohttp  # noqa: PLC0415 - only where it is used

    url: Any = f"{base_url}/v2/list?page={1 + skip // _PAGE_SIZE}&limit={_PAGE_SIZE}"
    wanted = skip % _PAGE_SIZE + count
    ids: list[str] = []
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S)) as session:
        for _ in range(_MOST_PAGES):
            page, url = await _page(session, url)
            ids += page
            if not page or len(ids) >= wanted or url is None:
                break
    return ids[skip % _PAGE_SIZE : wanted]


async def _page(session: Any, url: Any) -> tuple[list[str], Any]:
    import aiohttp  # noqa: PLC0415 - only where it is used

    try:
        async with session.get(url) as answer:
            if answer.status != 200:  # noqa: PLR2004 - HTTP's own number
                raise ImageSourceError(f"base_url: {url} answered {answer.status}, not a list of pictures")
            entries = await answer.json()
            following = answer.links.get("next", {}).get("url")
        return [str(entry["id"]) for entry in entries], following
    except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
        raise ImageSourceError(
            f"base_url: {url} cannot be read ({type(error).__name__}); is the host right and reachable?"
        ) from error
    except (ValueError, TypeError, KeyError) as error:
        raise ImageSourceError(f"base_url: {url} is not a Lorem Picsum list of pictures") from error
