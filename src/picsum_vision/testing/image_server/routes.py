"""What a request to the image server asks for: its path and query, read as Lorem Picsum reads them.

Source: the routers of github.com/DMarby/picsum-photos (`internal/api`, `internal/imageapi`, `internal/params`).
"""

from __future__ import annotations

import dataclasses
import functools
import re
import urllib.parse
from typing import Final

MAX_SIDE_PX: Final = 5000
_DEFAULT_BLUR: Final = 5
_MAX_BLUR: Final = 10
_DEFAULT_LIMIT: Final = 30
_MAX_LIMIT: Final = 100
_SIZE: Final = r"(?P<width>[0-9]+)(?:/(?P<height>[0-9]+))?(?P<suffix>\..*)?"
_PICTURE: Final = re.compile(rf"/(?:id/(?P<id>[^/]+)/|seed/(?P<seed>[^/]+)/)?{_SIZE}", re.DOTALL)

Query = dict[str, str]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Refusal:
    """A request that is answered with an error: HTTP status and text."""

    status: int
    message: str


PAGE_NOT_FOUND: Final = Refusal(status=404, message="page not found")
NO_SUCH_IMAGE: Final = Refusal(status=404, message="Image does not exist")
_INVALID_SIZE: Final = Refusal(status=400, message="Invalid size")
_INVALID_BLUR: Final = Refusal(status=400, message="Invalid blur amount")
_INVALID_SUFFIX: Final = Refusal(status=400, message="Invalid file extension")


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


@dataclasses.dataclass(frozen=True, kw_only=True)
class ListRequest:
    """One page of the list, from 1, of `limit` entries."""

    page: int
    limit: int


Request = PictureRequest | ListRequest | Refusal


@functools.lru_cache(maxsize=20_000)
def read_target(target: str) -> Request:
    """Read a request's target, path and query as they came (`/id/1/800/600?blur`)."""
    path, query = split_target(target)
    if path == "/v2/list":
        return ListRequest(page=_positive(query, "page", 1), limit=min(_MAX_LIMIT, _positive(query, "limit", _DEFAULT_LIMIT)))
    asked = _PICTURE.fullmatch(path)
    return _picture(asked, query) if asked else PAGE_NOT_FOUND


@functools.lru_cache(maxsize=20_000)
def split_target(target: str) -> tuple[str, Query]:
    """Split a target into its path, decoded, and its query; of a name that comes twice the first counts. Not to be altered."""
    path, _, written = target.partition("#")[0].partition("?")
    query: Query = {}
    for name, value in urllib.parse.parse_qsl(written, keep_blank_values=True):
        query.setdefault(name, value)
    return urllib.parse.unquote(path), query


def _picture(asked: re.Match[str], query: Query) -> Request:
    width = _integer(asked["width"])
    height = _integer(asked["height"] or asked["width"])
    if width is None or height is None or max(width, height) > MAX_SIDE_PX:
        return _INVALID_SIZE
    suffix = (asked["suffix"] or ".jpg").lower()
    if suffix not in {".jpg", ".webp"}:
        return _INVALID_SUFFIX
    # As the service does: a blur that is no number at all counts as no number given.
    amount = _integer(query.get("blur", ""))
    blur = None if "blur" not in query else _DEFAULT_BLUR if amount is None else amount
    if blur is not None and not 1 <= blur <= _MAX_BLUR:
        return _INVALID_BLUR
    grayscale = "grayscale" in query
    return PictureRequest(
        id=asked["id"], seed=asked["seed"], width=width, height=height, suffix=suffix, blur=blur, grayscale=grayscale
    )


def _positive(query: Query, name: str, default: int) -> int:
    number = _integer(query.get(name, ""))
    return default if number is None or number < 1 else number


def _integer(written: str) -> int | None:
    return int(written) if re.fullmatch(r"[+-]?[0-9]{1,18}", written) else None
