"""Whom a request is sent to, and what is asked for there."""

from __future__ import annotations

import base64
from typing import Final, NamedTuple

from yarl import URL

HeaderLines = tuple[bytes, ...]
USUAL_PORTS: Final = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """Scheme, host (in its ASCII form, without brackets) and port."""

    scheme: str
    host: str
    port: int

    @property
    def url(self) -> str:
        """The URL's part before the path; a zone of an IPv6 address is escaped (RFC 6874)."""
        host = f"[{self.host.replace('%', '%25')}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


class RequestTarget(NamedTuple):
    """An origin, the path and query that are asked of it, and a header field with the URL's user and password, if it has them."""

    origin: Origin
    path: bytes
    authorization: bytes = b""


def request_target(url: URL) -> RequestTarget:
    """Return what a request for `url` is sent to and asks for."""
    origin = Origin(url.scheme, (url.raw_host or "").rstrip("."), url.port or 0)
    return RequestTarget(origin, url.raw_path_qs.encode("ascii"), basic_authorization(url.user, url.password))


def basic_authorization(user: str | None, password: str | None) -> bytes:
    """Return the header field for a URL's user and password, nothing where it has none."""
    if user is None and password is None:
        return b""
    return b"Authorization: Basic %b" % base64.b64encode(f"{user or ''}:{password or ''}".encode())
