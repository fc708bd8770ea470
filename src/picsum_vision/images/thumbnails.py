"""Small pictures for a page that people look at."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator
from typing import Final

from PIL import Image, features

from picsum_vision.images.decoding import decoding
from picsum_vision.images.fitting import picture_within
from picsum_vision.images.shrinking import shrunk_size

_MAX_PIXELS: Final = 100_000_000
_QUALITIES: Final = (75, 50, 30)
_SMALLEST_SIDE_PX: Final = 32


@dataclasses.dataclass(frozen=True, kw_only=True)
class ThumbnailSize:
    """How large a thumbnail may be: its longest side, and its file."""

    max_side_px: int = 240
    max_bytes: int = 16_000


def thumbnail(data: bytes, size: ThumbnailSize) -> bytes | None:
    """Return the picture made small, upright and on white; None if it does not get small enough.

    It is WebP, or JPEG where Pillow has none. A coarser one is tried before a smaller one. Raises BadImage for
    what cannot be decoded.
    """
    picture = picture_within(data, max_side_px=size.max_side_px, max_pixels=_MAX_PIXELS)
    kind = "WEBP" if features.check("webp") else "JPEG"
    with decoding(None):
        for smaller in _ever_smaller(picture):
            for quality in _QUALITIES:
                buffer = io.BytesIO()
                smaller.save(buffer, kind, quality=quality)
                if buffer.tell() <= size.max_bytes:
                    return buffer.getvalue()
    return None


def _ever_smaller(picture: Image.Image) -> Iterator[Image.Image]:
    """Yield the picture, then with two thirds of the sides again and again."""
    side_px = max(picture.size)
    yield picture
    while (side_px := side_px * 2 // 3) >= _SMALLEST_SIDE_PX:
        yield picture.resize(shrunk_size(*picture.size, side_px), Image.Resampling.BILINEAR)
