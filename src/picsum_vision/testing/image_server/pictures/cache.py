"""Encoded pictures: made off the event loop, kept within a bound in bytes, and different in bytes for every id.

Encoding takes some 30 ms, so a thousand ids would take half a minute. Therefore ids share `distinct_pictures` views (id modulo
that number): at most that many encodings are made for each size, lazily or ahead by `warm`. What makes each id's bytes (and so
its SHA-256) its own is a JPEG comment, or a RIFF chunk in WebP, that says `Picsum ID: N`; joining it in costs microseconds.
"""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import io
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from PIL import ImageFilter

from picsum_vision.testing.image_server.pictures.odd_pictures import JPEG_START, comment, with_comments
from picsum_vision.testing.image_server.pictures.photographs import picture

# Chosen so that the 800 x 600 pictures have 44 kB on average, as Lorem Picsum's have.
QUALITY: Final = 72
_RIFF_HEADER_BYTES: Final = 8


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rendering:
    """How a picture is to look: its size in pixels, `.jpg` or `.webp`, radius of the blur (0: none), grey or not, quality."""

    width: int
    height: int
    suffix: str = ".jpg"
    blur: int = 0
    grayscale: bool = False
    quality: int = QUALITY


def encode(number: int, rendering: Rendering) -> bytes:
    """Encode view `number` as `rendering` says; JPEGs are progressive, grey ones have a single channel."""
    image = picture(number, rendering.width, rendering.height)
    if rendering.blur:
        image = image.filter(ImageFilter.GaussianBlur(rendering.blur))
    if rendering.grayscale:
        image = image.convert("L")
    out = io.BytesIO()
    if rendering.suffix == ".webp":
        image.convert("RGB").save(out, "WEBP", quality=rendering.quality, method=0)
    else:
        image.save(out, "JPEG", quality=rendering.quality, progressive=True)
    return out.getvalue()


def stamped(encoded: bytes, picture_id: int) -> bytes:
    """Join the picture's id into an encoded JPEG or WebP; its pixels stay the same."""
    text = b"Picsum ID: %d" % picture_id
    if encoded.startswith(JPEG_START):
        return with_comments(encoded, comment(text))
    chunk = b"PsId" + len(text).to_bytes(4, "little") + text + b"\0" * (len(text) % 2)
    body = encoded[_RIFF_HEADER_BYTES:] + chunk
    return b"RIFF" + len(body).to_bytes(4, "little") + body


class PictureCache:
    """Encoded pictures, the least recently used dropped beyond `max_bytes`. For one event loop."""

    def __init__(self, *, distinct_pictures: int, max_bytes: int = 256_000_000, threads: int = 2) -> None:
        """Keep at most `max_bytes` of encodings of `distinct_pictures` views."""
        self._distinct = distinct_pictures
        self._max_bytes = max_bytes
        self._bytes = 0
        self._encoded: collections.OrderedDict[tuple[int, Rendering], bytes] = collections.OrderedDict()
        self._under_way: dict[tuple[int, Rendering], asyncio.Future[bytes]] = {}
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="encode")

    async def get(self, picture_id: int, rendering: Rendering) -> bytes:
        """Tell the bytes of one picture, encoding it first where it must be."""
        key = (picture_id % self._distinct, rendering)
        encoded = self._encoded.get(key)
        if encoded is None:
            encoded = await asyncio.shield(self._encoding(key))
        else:
            self._encoded.move_to_end(key)
        return stamped(encoded, picture_id)

    async def warm(self, rendering: Rendering) -> None:
        """Encode every view ahead, so that the first answers are as quick as later ones."""
        await asyncio.gather(*(self.get(number, rendering) for number in range(self._distinct)))

    def _encoding(self, key: tuple[int, Rendering]) -> asyncio.Future[bytes]:
        under_way = self._under_way.get(key)
        if under_way is None:
            under_way = asyncio.get_running_loop().run_in_executor(self._threads, encode, *key)
            self._under_way[key] = under_way
            under_way.add_done_callback(lambda done: self._keep(key, done))
        return under_way

    def _keep(self, key: tuple[int, Rendering], done: asyncio.Future[bytes]) -> None:
        del self._under_way[key]
        if done.cancelled() or done.exception() is not None:
            return
        self._encoded[key] = done.result()
        self._bytes += len(done.result())
        while self._bytes > self._max_bytes and self._encoded:
            _, dropped = self._encoded.popitem(last=False)
            self._bytes -= len(dropped)
