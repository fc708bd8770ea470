"""What a URL says about the request that it asks for, before anything is sent."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from yarl import URL

from picsum_vision.transport.address_guard import is_public, written_address

_OTHER_SOURCES: Final = frozenset(
    {"file", "dbfs", "s3", "s3a", "s3n", "gs", "abfs", "abfss", "adl", "wasb", "wasbs", "hdfs", "viewfs", "oci", "oss", "volumes"}
)
_MAX_URL_CHARACTERS: Final = 8_192
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_ELSEWHERE: Final = "not an http(s) URL; files and object stores are read by Spark's binaryFile reader: load_images(spark, path)"


class UnfitUrl(Exception):  # noqa: N818 - becomes the outcome `invalid_url` with this message
    """The text is not a URL that can be fetched; the message says why."""


class Target(NamedTuple):
    """A URL that can be requested, the host (scheme, name, port) that is asked, and whether it is written as a private address.

    A name is checked when it is resolved.
    """

    url: URL
    host: str
    names_private_address: bool


def parse_target(text: str | None, base: URL | None = None) -> Target:
    """Return the target of a URL, or of a redirect's Location relative to `base`; raises UnfitUrl."""
    stripped = "" if text is None else text.strip()
    if not stripped:
        raise UnfitUrl("no URL: the value is NULL or empty")
    if len(stripped) > _MAX_URL_CHARACTERS:
        raise UnfitUrl(f"the URL has more than {_MAX_URL_CHARACTERS} characters")
    _check_scheme(stripped, is_redirect=base is not None)
    try:
        # A Location may be percent-encoded already; yarl keeps what is encoded and encodes the rest.
        url = URL(stripped)
        # `http://` alone would lead back to where it came from.
        if base is not None and (url.raw_host or not url.scheme):
            url = base.join(url)
        host, port = url.raw_host, url.port
    except (ValueError, TypeError) as error:
        raise UnfitUrl("not a URL") from error
    if url.scheme not in ("http", "https") or not host or not port:
        raise UnfitUrl("not an http(s) URL with a host")
    return _target(url, host, port)


def _check_scheme(text: str, *, is_redirect: bool) -> None:
    scheme = _SCHEME.match(text)
    if (scheme is not None and scheme[1].lower() in _OTHER_SOURCES) or (text.startswith("/") and not is_redirect):
        raise UnfitUrl(_ELSEWHERE)


def _target(url: URL, host: str, port: int) -> Target:
    address = written_address(host)
    if address is None:
        return Target(url, f"{url.scheme}://{host}:{port}", names_private_address=False)
    if "%" in address:
        # A zone is an interface of this machine: nothing public has one.
        return Target(url, f"{url.scheme}://[{address}]:{port}", names_private_address=True)
    try:
        plain = url if address == host else url.with_host(address)
    except ValueError as error:
        raise UnfitUrl("not a URL") from error
    return Target(plain, f"{url.scheme}://{address}:{port}", names_private_address=not is_public(address))
