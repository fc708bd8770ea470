"""The numbers of the pictures that a Lorem Picsum host has, read from its paged list."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from picsum_vision.errors import ImageSourceError
from picsum_vision.options import DEFAULT_USER_AGENT

if TYPE_CHECKING:
    from yarl import URL

    from picsum_vision.transport.client import HttpClient
    from picsum_vision.transport.whole_body import WholeBody

_PAGE_SIZE: Final = 100
_TIMEOUT_S: Final = 30
_CONNECT_TIMEOUT_S: Final = 10
_MOST_PAGES: Final = 10_000
_MOST_REDIRECTS: Final = 5
_MOST_BYTES: Final = 10_000_000
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_OK: Final = 200
_NEXT: Final = re.compile(r'<([^>]*)>\s*;[^,]*\brel="?next\b')


def listed_ids(base_url: str, *, skip: int, count: int) -> list[str]:
    """Return up to `count` ids in the host's order, after the first `skip`; raises ImageSourceError.

    The pages are followed by the `Link` header's `next`; the host gives one on its last page too, so an empty page ends it.
    """
    from picsum_vision.concurrency.loop_thread import LoopThread  # noqa: PLC0415 - the transport only where it is used

    loop_thread = LoopThread.current()
    return loop_thread.run(_read(loop_thread, base_url, skip, count))


async def _read(loop_thread: Any, base_url: str, skip: int, count: int) -> list[str]:
    from yarl import URL  # noqa: PLC0415 - the transport only where it is used

    from picsum_vision.transport.client import http_client  # noqa: PLC0415 - the same

    # The host is the user's own setting: it may well be a private address.
    client = http_client(loop_thread, public_addresses_only=False, connect_timeout_s=_CONNECT_TIMEOUT_S)
    url = URL(f"{base_url}/v2/list?page={1 + skip // _PAGE_SIZE}&limit={_PAGE_SIZE}")
    wanted = skip % _PAGE_SIZE + count
    ids: list[str] = []
    for _ in range(_MOST_PAGES):
        page, following = await _page(client, url)
        ids += page
        if not page or len(ids) >= wanted or following is None:
            break
        url = following
    return ids[skip % _PAGE_SIZE : wanted]


async def _page(client: HttpClient, url: URL) -> tuple[list[str], URL | None]:
    answer, url = await _answer(client, url)
    if answer.status != _OK:
        raise ImageSourceError(f"base_url: {url} answered {answer.status}, not a list of pictures")
    following = _NEXT.search(answer.headers.get("link", ""))
    try:
        ids = [str(entry["id"]) for entry in json.loads(answer.body)]
        return ids, None if following is None else url.join(type(url)(following[1]))
    except (ValueError, TypeError, KeyError) as error:
        raise ImageSourceError(f"base_url: {url} is not a Lorem Picsum list of pictures") from error


async def _answer(client: HttpClient, url: URL) -> tuple[WholeBody, URL]:
    from picsum_vision.transport.client import header_lines  # noqa: PLC0415 - the transport only where it is used
    from picsum_vision.transport.failures import MESSAGES, translate  # noqa: PLC0415 - the same
    from picsum_vision.transport.origin import request_target  # noqa: PLC0415 - the same
    from picsum_vision.transport.whole_body import WholeBody  # noqa: PLC0415 - the same

    headers = header_lines({"User-Agent": DEFAULT_USER_AGENT, "Accept": "application/json"})
    for _ in range(_MOST_REDIRECTS + 1):
        answer = WholeBody(_MOST_BYTES)
        try:
            await client.get(request_target(url), headers, answer, _TIMEOUT_S)
        except Exception as error:
            failure = translate(error)
            if failure is None:
                raise
            told = f"base_url: {url} cannot be read ({MESSAGES[failure]}); is the host right and reachable?"
            raise ImageSourceError(told) from error
        if answer.status not in _REDIRECTS or "location" not in answer.headers:
            return answer, url
        url = url.join(type(url)(answer.headers["location"]))
    raise ImageSourceError(f"base_url: {url} redirects more than {_MOST_REDIRECTS} times")
