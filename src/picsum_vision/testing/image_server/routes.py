"""What a request to the image server asks for: its path and query, read as Lorem Picsum reads them.

Source: the routers of github.com/DMarby/picsum-photos (`internal/api`, `internal/imageapi`, `internal/params`).
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import hashlib
import hmac
import re
import urllib.parse
from typing import Final

MAX_SIDE_PX: Final = 5000
DEFAULT_BLUR: Final = 5
MAX_BLUR: Final = 10
DEFAULT_LIMIT: Final = 30
MAX_LIMIT: Final = 100
# Beyond 64 bits the service cannot read a number.
_MAX_INTEGER: Final = 2**63 - 1
_SIZE: Final = r"(?P<width>[0-9]+)(?:/(?P<height>[0-9]+))?(?P<suffix>\..*)?"
_PICTURE: Final = re.compile(rf"/(?:id/(?P<id>[^/]+)/|seed/(?P<seed>[^/]+)/)?{_SIZE}", re.DOTALL)
_LIST_PATH: Final = "/v2/list"

Query = dict[str, str]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Refusal:
    """A request that is answered with an error: HTTP status and text."""

    status: int
    message: str


PAGE_NOT_FOUND: Final = Refusal(status=404, message="page not found")
NO_SUCH_IMAGE: Final = Refusal(status=404, message="Image does not exist")
INVALID_SIZE: Final = Refusal(status=400, message="Invalid size")
INVALID_BLUR: Final = Refusal(status=400, message="Invalid blur amount")
INVALID_SUFFIX: Final = Refusal(status=400, message="Invalid file extension")
INVALID_PARAMETERS: Final = Refusal(status=400, message="Invalid parameters")


@dataclasses.dataclass(frozen=True, kw_only=True)
class PictureRequest:
    """A picture by id, by seed or (neither) by chance; sizes in pixels, 0 is the native one; `blur` None: no blur."""

    id: str | None
    seed: str | None
    width: int
    height: int
    suffix: str
    blur: int | None
    grayscale: bool

    def fault(self) -> Refusal | None:
        """Tell what the service refuses once it knows that the picture exists."""
        if self.width > MAX_SIDE_PX or self.height > MAX_SIDE_PX:
            return INVALID_SIZE
        if self.blur is not None and not 1 <= self.blur <= MAX_BLUR:
            return INVALID_BLUR
        return None


@dataclasses.dataclass(frozen=True, kw_only=True)
class ListRequest:
    """One page of the list, from 1, of `limit` entries."""

    page: int
    limit: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Moved:
    """A path with a slash too many: `location` is the right one."""

    location: str


Request = PictureRequest | ListRequest | Moved | Refusal


@functools.lru_cache(maxsize=20_000)
def read_target(target: str) -> Request:
    """Read a request's target, path and query as they came (`/id/1/800/600?blur`)."""
    path, query = split_target(target)
    if len(path) > 1 and path.endswith("/"):
        _, mark, rest = target.partition("?")
        right = _read(path[:-1], query)
        return Moved(location=urllib.parse.quote(path[:-1]) + mark + rest) if right is not PAGE_NOT_FOUND else right
    return _read(path, query)


@functools.lru_cache(maxsize=20_000)
def split_target(target: str) -> tuple[str, Query]:
    """Split a target into its path, decoded, and its query; of a name that comes twice the first counts. Not to be altered."""
    path, _, written = target.partition("#")[0].partition("?")
    query: Query = {}
    for name, value in urllib.parse.parse_qsl(written, keep_blank_values=True):
        query.setdefault(name, value)
    return urllib.parse.unquote(path), query


def sign(key: bytes, path: str, query: Query) -> str:
    """Write `path` with `query` and an `hmac` over both (HMAC-SHA256, base64url without padding)."""
    signed = dict(query, hmac=_mac(key, path, query))
    return path + _written(signed)


@functools.lru_cache(maxsize=20_000)
def is_signed(key: bytes, target: str) -> bool:
    """Tell whether the query of `target` holds the right `hmac` for its path and the rest of the query."""
    path, query = split_target(target)
    rest = {name: value for name, value in query.items() if name != "hmac"}
    return hmac.compare_digest(_mac(key, path, rest).encode(), query.get("hmac", "").encode("utf-8", "surrogateescape"))


def _mac(key: bytes, path: str, query: Query) -> str:
    message = (path + _written(query)).encode("utf-8", "surrogateescape")
    return base64.urlsafe_b64encode(hmac.digest(key, message, hashlib.sha256)).rstrip(b"=").decode()


def _written(query: Query) -> str:
    quote = functools.partial(urllib.parse.quote_plus, errors="surrogateescape")
    parts = [f"{quote(name)}={quote(query[name])}" if query[name] else quote(name) for name in sorted(query)]
    return "?" + "&".join(parts) if parts else ""


def _read(path: str, query: Query) -> Request:
    if path == _LIST_PATH:
        return ListRequest(page=_positive(query, "page", 1), limit=min(MAX_LIMIT, _positive(query, "limit", DEFAULT_LIMIT)))
    asked = _PICTURE.fullmatch(path)
    return _picture(asked, query) if asked else PAGE_NOT_FOUND


def _picture(asked: re.Match[str], query: Query) -> Request:
    width = _integer(asked["width"])
    height = _integer(asked["height"] or asked["width"])
    if width is None or height is None:
        return INVALID_SIZE
    suffix = (asked["suffix"] or ".jpg").lower()
    if suffix not in {".jpg", ".webp"}:
        return INVALID_SUFFIX
    return PictureRequest(
        id=asked["id"],
        seed=asked["seed"],
        width=width,
        height=height,
        suffix=suffix,
        blur=_blur(query),
        grayscale="grayscale" in query,
    )


def _blur(query: Query) -> int | None:
    if "blur" not in query:
        return None
    # As the service does: what is no number at all counts as no number given.
    amount: int | None = _integer(query["blur"])
    return DEFAULT_BLUR if amount is None else amount


def _positive(query: Query, name: str, default: int) -> int:
    number = _integer(query.get(name, ""))
    return default if number is None or number < 1 else number


def _integer(written: str) -> int | None:
    if not re.fullmatch(r"[+-]?[0-9]{1,30}", written):
        return None
    number = int(written)
    return number if abs(number) <= _MAX_INTEGER else None
