"""What a URL says about the request that it asks for, before anything is sent."""

from __future__ import annotations

import dataclasses

from yarl import URL

from picsum_vision.transport.address_guard import is_literal, is_public

_OTHER_SOURCES = ("file", "dbfs", "s3", "s3a", "s3n", "gs", "abfss", "abfs", "wasbs", "hdfs")
_MAX_URL_CHARACTERS = 8_192


class UnfitUrl(Exception):  # noqa: N818 - becomes the outcome `invalid_url` with this message
    """The text is not a URL that can be fetched; the message says why."""


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """A URL that can be requested, and the host (scheme, name, port) that is asked."""

    url: URL
    host: str

    @property
    def names_private_address(self) -> bool:
        """Whether the host is written as an address that is not public; a name is checked when it is resolved."""
        name = self.url.host or ""
        return is_literal(name) and not is_public(name.strip("[]"))


def parse_target(text: str | None, base: URL | None = None) -> Target:
    """Return the target of a URL, or of a redirect's Location relative to `base`; raises UnfitUrl."""
    if text is None or not text.strip():
        raise UnfitUrl("no URL: the value is NULL or empty")
    if len(text) > _MAX_URL_CHARACTERS:
        raise UnfitUrl(f"the URL has more than {_MAX_URL_CHARACTERS} characters")
    try:
        # A Location may be percent-encoded already; yarl keeps what is encoded and encodes the rest.
        url = URL(text.strip()) if base is None else base.join(URL(text.strip()))
        port = url.port
    except (ValueError, TypeError) as error:
        raise UnfitUrl("not a URL") from error
    if url.scheme in _OTHER_SOURCES or text.strip().startswith("/"):
        raise UnfitUrl("not an http(s) URL; files and object stores are read by Spark's binaryFile reader")
    if url.scheme not in ("http", "https") or not url.host or not port:
        raise UnfitUrl("not an http(s) URL with a host")
    return Target(url, f"{url.scheme}://{url.host}:{port}")
