"""What the two hosts of the image server properly answer: the API host lists and redirects, the image host sends pictures."""

from __future__ import annotations

import functools
import hashlib
import json
from typing import TYPE_CHECKING, Final, Protocol

from picsum_vision.testing.image_server.pictures.cache import PictureCache, Rendering
from picsum_vision.testing.image_server.pictures.catalogue import Catalogue, list_entry, native_size
from picsum_vision.testing.image_server.raw_answers import Headers, Reply
from picsum_vision.testing.image_server.routes import (
    NO_SUCH_IMAGE,
    PAGE_NOT_FOUND,
    ListRequest,
    PictureRequest,
    Refusal,
    read_target,
)

if TYPE_CHECKING:
    import random

_NO_STORE: Final = ("Cache-Control", "no-store")
_FOR_A_MONTH: Final = ("Cache-Control", "public, max-age=2592000, stale-while-revalidate=60, stale-if-error=43200, immutable")
_CONTENT_TYPES: Final = {".jpg": "image/jpeg", ".webp": "image/webp"}
#: To what is not a GET: without Allow and without a body.
METHOD_NOT_ALLOWED: Final = Reply(status=405, headers=())


class Replies(Protocol):
    """One host: the answer to each target (path and query as they came)."""

    async def reply(self, target: str) -> Reply:
        """Answer properly."""

    async def picture(self, target: str) -> Reply | None:
        """Send the picture that `target` leads to, however many redirects away; None where it leads to none."""


class ImageReplies:
    """The image host."""

    def __init__(self, cache: PictureCache) -> None:
        """Serve what `cache` has."""
        self.cache = cache

    async def reply(self, target: str) -> Reply:
        """Answer properly."""
        return await self.picture(target) or _refused(PAGE_NOT_FOUND)

    async def picture(self, target: str) -> Reply | None:
        """Send the picture that `target` names by its id; None where it names none."""
        asked = read_target(target)
        if not isinstance(asked, PictureRequest) or asked.id is None or not asked.id.isdecimal():
            return None
        blur = asked.blur or 0
        rendering = Rendering(width=asked.width, height=asked.height, suffix=asked.suffix, blur=blur, grayscale=asked.grayscale)
        return Reply(status=200, headers=_picture_headers(asked), body=await self.cache.get(int(asked.id), rendering))


class ApiReplies:
    """The API host. Its own address and the image host's are known once both listen: `root_url`, `image_url`."""

    def __init__(self, catalogue: Catalogue, images: ImageReplies, lot: random.Random) -> None:
        """Redirect to `images`; where nothing else decides, the picture is drawn by `lot`."""
        self._catalogue = catalogue
        self._images = images
        self._lot = lot
        self.root_url = ""
        self.image_url = ""

    async def reply(self, target: str) -> Reply:
        """Answer properly."""
        asked = read_target(target)
        if isinstance(asked, ListRequest):
            return self._list(asked)
        if isinstance(asked, Refusal):
            return _refused(asked)
        found = self._find(asked)
        if found is None:
            return _refused(NO_SUCH_IMAGE)
        return Reply(status=302, headers=[("Location", self.image_url + _place(found, asked)), _NO_STORE])

    async def picture(self, target: str) -> Reply | None:
        """Send the picture that `target` leads to, without the redirect; None where it leads to none."""
        asked = read_target(target)
        found = self._find(asked) if isinstance(asked, PictureRequest) else None
        if found is None or not isinstance(asked, PictureRequest):
            return None
        return await self._images.picture(_place(found, asked))

    def _find(self, asked: PictureRequest) -> int | None:
        if asked.id is not None:
            return self._catalogue.find(asked.id)
        if asked.seed is not None:
            return self._catalogue.of_seed(asked.seed)
        return self._lot.choice(self._catalogue.ids)

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
def _place(found: int, asked: PictureRequest) -> str:
    """Write the picture's path on the image host, with an `hmac` as the service has one; nobody checks it here."""
    width, height = native_size(found)
    path = f"/id/{found}/{asked.width or width}/{asked.height or height}{asked.suffix}"
    query = [] if asked.blur is None else [f"blur={asked.blur}"]
    query += ["grayscale"] if asked.grayscale else []
    return f"{path}?{'&'.join([*query, f'hmac={hashlib.sha256(path.encode()).hexdigest()}'])}"


def _refused(refusal: Refusal) -> Reply:
    """Write an error as the real service does."""
    headers = [("Content-Type", "text/plain; charset=utf-8"), _NO_STORE, ("X-Content-Type-Options", "nosniff")]
    return Reply(status=refusal.status, headers=headers, body=refusal.message.encode() + b"\n")


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
