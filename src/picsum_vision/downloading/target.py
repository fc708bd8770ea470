"""What a URL says about the request that it asks for, before anything is sent."""

from __future__ import annotations

import functools
import re
from typing import Final, NamedTuple
from urllib.parse import quote, urljoin

from yarl import URL

from picsum_vision.transport.address_guard import is_public, written_address
from picsum_vision.transport.origin import USUAL_PORTS, Origin, RequestTarget, basic_authorization

_OTHER_SOURCES: Final = frozenset(
    {"file", "dbfs", "s3", "s3a", "s3n", "gs", "abfs", "abfss", "adl", "wasb", "wasbs", "hdfs", "viewfs", "oci", "oss", "volumes"}
)
_MAX_URL_CHARACTERS: Final = 8_192
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_ELSEWHERE: Final = "not an http(s) URL; files and object stores are read by Spark's binaryFile reader: load_images(spark, path)"
# As nearly all are: a lower-case name, and a path that is sent as it stands. Whatever else there may be is read with care.
_PLAIN: Final = re.compile(
    r"(https?)://([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::([1-9][0-9]{0,4}))?(/[A-Za-z0-9\-._~!$&'()*+,;=:@/?%\[\]]*)?"
)
_LAST_PORT: Final = 65_535
_WITH_HOST: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://[^/?#]")
_END_OF_AUTHORITY: Final = re.compile(r"[/?#]")
_NO_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SENT_AS_IT_STANDS: Final = "!$%&'()*+,/:;=?@[]~"


class UnfitUrl(Exception):  # noqa: N818 - becomes the outcome `invalid_url` with this message
    """The text is not a URL that can be fetched; the message says why."""


class Host(NamedTuple):
    """Whom a URL asks: the origin, its name as a lane's key, and whether it is written as a private address.

    A name is checked when it is resolved.
    """

    origin: Origin
    name: str
    names_private_address: bool


class Target(NamedTuple):
    """A URL that can be requested: its text, whom it asks, and what."""

    text: str
    host: Host
    request: RequestTarget


def parse_target(text: str | None, base: str | None = None) -> Target:
    """Return the target of a URL, or of a redirect's Location relative to `base`; raises UnfitUrl and nothing else.

    Path and query are requested as they are written: a host may have signed them so. Only what no request can hold is encoded.
    """
    stripped = "" if text is None else text.strip()
    if (plain := _PLAIN.fullmatch(stripped)) is not None:
        scheme, name, port, path = plain.groups()
        number = int(port) if port else USUAL_PORTS[scheme]
        if number <= _LAST_PORT and len(stripped) <= _MAX_URL_CHARACTERS and (path is None or _is_sent_as_it_stands(path)):
            host = _host(scheme, name, number)
            return Target(stripped, host, RequestTarget(host.origin, path.encode("ascii") if path else b"/"))
    return _read_with_care(stripped, base)


def _is_sent_as_it_stands(path: str) -> bool:
    return "/." not in path and ("%" not in path or _NO_ESCAPE.search(path) is None)


def _read_with_care(stripped: str, base: str | None) -> Target:
    if not stripped:
        raise UnfitUrl("no URL: the value is NULL or empty")
    if len(stripped) > _MAX_URL_CHARACTERS:
        raise UnfitUrl(f"the URL has more than {_MAX_URL_CHARACTERS} characters")
    _check_scheme(stripped, is_redirect=base is not None)
    try:
        target = _parsed(stripped, base)
    except Exception as error:
        # Of text that is no URL, the parsers raise several kinds.
        raise UnfitUrl("not a URL") from error
    if target is None:
        raise UnfitUrl("not an http(s) URL with a host")
    return target


def _parsed(text: str, base: str | None) -> Target | None:
    # `http:/path` and `http://` alone have no host, and are no way back to where they came from.
    is_whole = base is None or (_SCHEME.match(text) is not None and _WITH_HOST.match(text) is None)
    whole = text if is_whole else urljoin(base or "", text)
    url = URL(whole)
    host, port = url.raw_host, url.port
    if url.scheme not in USUAL_PORTS or not host or not port:
        return None
    asked = _host(url.scheme, host, port)
    return Target(whole, asked, RequestTarget(asked.origin, _path(whole), basic_authorization(url.user, url.password)))


def _check_scheme(text: str, *, is_redirect: bool) -> None:
    scheme = _SCHEME.match(text)
    if (scheme is not None and scheme[1].lower() in _OTHER_SOURCES) or (text.startswith("/") and not is_redirect):
        raise UnfitUrl(_ELSEWHERE)


def _path(url: str) -> bytes:
    """Return path and query as they are sent: without `.` and `..`, and with what may not stand in a request encoded."""
    behind = url.partition("://")[2]
    begin = _END_OF_AUTHORITY.search(behind)
    asked = behind[begin.start() :].partition("#")[0] if begin is not None else ""
    if not asked.startswith("/"):
        asked = f"/{asked}"
    path, mark, query = asked.partition("?")
    if "/." in path:
        path = urljoin("http://host", path)[len("http://host") :] or "/"
    return _NO_ESCAPE.sub("%25", quote(f"{path}{mark}{query}", safe=_SENT_AS_IT_STANDS)).encode("ascii")


@functools.lru_cache(maxsize=4_096)
def _host(scheme: str, host: str, port: int) -> Host:
    address = written_address(host)
    if address is None:
        return Host(Origin(scheme, host.rstrip("."), port), f"{scheme}://{host}:{port}", names_private_address=False)
    if "%" in address:
        # A zone is an interface of this machine: nothing public has one.
        return Host(Origin(scheme, address, port), f"{scheme}://[{address}]:{port}", names_private_address=True)
    return Host(Origin(scheme, address, port), f"{scheme}://{address}:{port}", names_private_address=not is_public(address))
