"""HTTP client sessions that live as long as the worker process."""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp

from picsum_vision.concurrency.loop_thread import LoopThread
from picsum_vision.transport.connector import WatchedConnector

# Lorem Picsum and many others close an idle connection after 5 s; one that we close first is never found closed.
_KEEP_ALIVE_S = 4.0
_DNS_CACHE_S = 300


def client_session(
    loop_thread: LoopThread, *, public_addresses_only: bool, connect_timeout_s: float, headers: Mapping[str, str]
) -> aiohttp.ClientSession:
    """Return the process's session for these settings, made at the first call. To be called on the loop.

    It follows no redirect by itself, keeps no cookie, and takes no proxy (and no password from .netrc) from the environment: a
    proxy would be the one that connects, and the address guard would check the proxy's address instead of the picture's.
    """
    key = ("session", public_addresses_only, connect_timeout_s, tuple(sorted(headers.items())))

    def make() -> aiohttp.ClientSession:
        connector = WatchedConnector(
            public_addresses_only=public_addresses_only,
            limit=0,
            ttl_dns_cache=_DNS_CACHE_S,
            keepalive_timeout=_KEEP_ALIVE_S,
        )
        session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_timeout_s),
            trust_env=False,
        )
        # Newer versions send a broken request again by themselves; here retries have one owner.
        session._retry_connection = False  # noqa: SLF001 - there is no setting for it
        return session

    return loop_thread.keep(key, make)
