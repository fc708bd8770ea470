"""What the two hosts of the image server properly answer: the API host lists and redirects, the image host sends pictures."""

from __future__ import annotations

import functools
import hashlib
import html
import json
from typing import TYPE_CHECKING, Final, Protocol

from picsum_vision.testing.image_server.pictures.cache import PictureCache, Rendering
from picsum_vision.testing.image_server.pictures.catalogue import Catalogue, list_entry, native_size
from picsum_vision.testing.image_server.raw_answers import Headers, Reply
from picsum_vision.testing.image_server.routes import (
    INVALID_PARAMETERS,
    NO_SUCH_IMAGE,
    PAGE_NOT_FOUND,
    ListRequest,
    Moved,
    PictureRequest,
    Query,
    Refusal,
    is_signed,
    read_target,
    sign,
)

if TYPE_CHECKING:
    import random

_NO_STORE: Final = ("Cache-Control", "no-store")
_FOR_A_MONTH: Final = ("Cache-Control", "public, max-age=2592000, stale-while-revalidate=60, stale-if-error=43200, immutable")
_CONTENT_TYPES: Final = {".jpg": "image/jpeg", ".webp": "image/webp"}
_METHOD_NOT_ALLOWED: Final = Reply(status=405, headers=())


class Replies(Protocol):
    """One host: the answer to each target (path and query as they came)."""

    async def reply(self, target: str) -> Reply:
        """Answer properly."""

    async def picture(self, target: str) -> Reply | None:
        """Send the picture that `target` leads to, however many redirects away; None where it leads to none."""


class ImageReplies:
    """The image host."""

    def __init__(self, cache: PictureCache, key: bytes) -> None:
        """Serve what is signed with `key`."""
        self._cache = cache
        self._key = key

    async def reply(self, target: str) -> Reply:
        """Answer properly."""
        asked = read_target(target)
        if isinstance(asked, Moved):
            return moved(asked.location)
        if not target.startswith("/id/") or asked is PAGE_NOT_FOUND:
            return refused(PAGE_NOT_FOUND)
        if not is_signed(self._key, target):
            return refused(INVALID_PARAMETERS)
        if not isinstance(asked, PictureRequest):
            return refused(asked if isinstance(asked, Refusal) else PAGE_NOT_FOUND)
        return await self._send(asked)

    async def picture(self, target: str) -> Reply | None:
        """Send the picture that `target` leads to; None where it is not rightly signed."""
        reply = await self.reply(target)
        return reply if reply.status == 200 else None  # noqa: PLR2004 - OK

    async def _send(self, asked: PictureRequest) -> Reply:
        rendering = Rendering(
            width=asked.width,
            height=asked.height,
            suffix=asked.suffix,
            blur=asked.blur or 0,
            grayscale=asked.grayscale,
        )
        body = await self._cache.get(int(asked.id or 0), rendering)
        return Reply(status=200, headers=_picture_headers(asked), body=body)


class ApiReplies:
    """The API host. Its own address and the image host's are known once both listen: `root_url`, `image_url`."""

    def __init__(self, catalogue: Catalogue, images: ImageReplies, key: bytes, lot: random.Random) -> None:
        """Redirect to `images`, signing with `key`; where nothing else decides, the picture is drawn by `lot`."""
        self._catalogue = catalogue
        self._images = images
        self._key = key
        self._lot = lot
        self.root_url = ""
        self.image_url = ""

    async def reply(self, target: str) -> Reply:
        """Answer properly."""
        asked = read_target(target)
        if isinstance(asked, Moved):
            return moved(asked.location)
        if isinstance(asked, ListRequest):
            return self._list(asked)
        if isinstance(asked, Refusal):
            return refused(asked)
        found = self._find(asked)
        if found is None:
            return refused(NO_SUCH_IMAGE)
        fault = asked.fault()
        return self._redirect(found, asked) if fault is None else refused(fault)

    async def picture(self, target: str) -> Reply | None:
        """Send the picture that `target` leads to, without the redirect; None where it leads to none."""
        asked = read_target(target)
        found = self._find(asked) if isinstance(asked, PictureRequest) and asked.fault() is None else None
        if found is None or not isinstance(asked, PictureRequest):
            return None
        return await self._images.picture(_signed(self._key, found, asked))

    def _find(self, asked: PictureRequest) -> int | None:
        if asked.id is not None:
            return self._catalogue.find(asked.id)
        if asked.seed is not None:
            return self._catalogue.of_seed(asked.seed)
        return self._lot.choice(self._catalogue.ids)

    def _redirect(self, found: int, asked: PictureRequest) -> Reply:
        return Reply(status=302, headers=[("Location", self.image_url + _signed(self._key, found, asked)), _NO_STORE])

    def _list(self, asked: ListRequest) -> Reply:
        ids = self._catalogue.page(asked.page, asked.limit)
        beside = [("prev", asked.page - 1)] if asked.page > 1 else []
        # The service's first page always names a next one, even if it is the only one.
        if asked.page == 1 or len(ids) == asked.limit:
            beside.append(("next", asked.page + 1))
        link = ", ".join(f'<{self.root_url}/v2/list?page={page}&limit={asked.limit}>; rel="{rel}"' for rel, page in beside)
        extra = [("Link", link), ("Access-Control-Expose-Headers", "Link")]
        return json_reply(200, [list_entry(found, self.root_url) for found in ids], extra)


@functools.lru_cache(maxsize=20_000)
def _signed(key: bytes, found: int, asked: PictureRequest) -> str:
    width, height = native_size(found)
    path = f"/id/{found}/{asked.width or width}/{asked.height or height}{asked.suffix}"
    query: Query = {} if asked.blur is None else {"blur": str(asked.blur)}
    if asked.grayscale:
        query["grayscale"] = ""
    return sign(key, path, query)


def signing_key(seed: int) -> bytes:
    """Derive the key of the `hmac` parameter from the server's seed: addresses stay valid when it starts again."""
    return hashlib.sha256(f"picsum-vision image server {seed}".encode()).digest()


def method_not_allowed(target: str) -> Reply:
    """Answer what is not a GET: 405 without Allow and without a body."""
    return refused(PAGE_NOT_FOUND) if read_target(target) is PAGE_NOT_FOUND else _METHOD_NOT_ALLOWED


def refused(refusal: Refusal) -> Reply:
    """Write an error as the real service does."""
    headers = [("Content-Type", "text/plain; charset=utf-8"), _NO_STORE, ("X-Content-Type-Options", "nosniff")]
    return Reply(status=refusal.status, headers=headers, body=refusal.message.encode() + b"\n")


def moved(location: str) -> Reply:
    """Send the client to the address without the trailing slash."""
    body = f'<a href="{html.escape(location)}">Moved Permanently</a>.\n\n'
    return Reply(status=301, headers=[("Location", location), ("Content-Type", "text/html; charset=utf-8")], body=body.encode())


def json_reply(status: int, document: object, extra: Headers = ()) -> Reply:
    """Write a JSON document."""
    body = json.dumps(document, separators=(",", ":")).encode() + b"\n"
    return Reply(status=status, headers=[("Content-Type", "application/json"), _NO_STORE, *extra], body=body)


@functools.lru_cache(maxsize=20_000)
def _picture_headers(asked: PictureRequest) -> Headers:
    blur = "" if asked.blur is None else f"-blur_{asked.blur}"
    grey = "-grayscale" if asked.grayscale else ""
    name = f"{asked.id}-{asked.width}x{asked.height}{blur}{grey}{asked.suffix}"
    return (
        ("Content-Disposition", f'inline; filename="{name}"'),
        ("Content-Type", _CONTENT_TYPES[asked.suffix]),
        _FOR_A_MONTH,
        ("Picsum-ID", str(asked.id)),
        ("Timing-Allow-Origin", "*"),
    )
