"""An image made fit for a model: not larger than useful, in a format that models take, the right way up."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from PIL import Image

from picsum_vision.images.decoding import decoding, open_image
from picsum_vision.images.orientation import UPRIGHT, orientation_of, upright, upright_size
from picsum_vision.images.plain_colours import in_plain_colours, is_transparent, on_white
from picsum_vision.images.shrinking import shrunk_size

if TYPE_CHECKING:
    from PIL import ImageFile

_TAKEN_AS_THEY_ARE: Final = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
_TAKEN_MODES: Final = {"JPEG": ("RGB", "L"), "PNG": ("RGB", "L", "P", "1"), "WEBP": ("RGB",)}
_SMALLEST_SIDE_PX: Final = 64
# JPEG has no larger sides.
_LARGEST_SIDE_PX: Final = 65_500
# Tried before an image is made smaller than asked: a model reads small letters through coarse colours, but not without pixels.
_LOWER_QUALITY: Final = 60
# Twice Pillow's own bound, where it refuses as well: half a gigabyte when decoded.
_MAX_PIXELS: Final = 178_956_970
_PNG_BIT_DEPTH: Final = 24
_DEEPEST_TAKEN: Final = 8


class PayloadTooLarge(Exception):  # noqa: N818 - becomes the outcome `too_large`
    """The image cannot be made small enough for one request."""


@dataclasses.dataclass(frozen=True, slots=True)
class FitImage:
    """Bytes as they are sent, their type, and the size in pixels."""

    data: bytes
    content_type: str
    width: int
    height: int


def fit_image(data: bytes, *, max_side_px: int, jpeg_quality: int, max_bytes: int) -> FitImage:
    """Return the image with its longest side at most `max_side_px`, in at most `max_bytes`; unchanged where it is that already.

    What is changed is turned as its EXIF says, put on white where it is transparent, and becomes a JPEG. Raises BadImage for what
    cannot be decoded and PayloadTooLarge for what stays too large.
    """
    image, facts = open_image(data, max_pixels=_MAX_PIXELS)
    with decoding(facts.content_type):
        if _is_fit(image, data, max_side_px, max_bytes):
            return _as_it_is(image, data)
        largest_side_px = min(max_side_px, _LARGEST_SIDE_PX)
        size, plain = _decoded(image, largest_side_px)
        for smaller in _ever_smaller(size, plain, largest_side_px):
            for quality in sorted({jpeg_quality, min(jpeg_quality, _LOWER_QUALITY)}, reverse=True):
                buffer = io.BytesIO()
                smaller.save(buffer, "JPEG", quality=quality)
                if buffer.tell() <= max_bytes:
                    return FitImage(buffer.getvalue(), "image/jpeg", *smaller.size)
    raise PayloadTooLarge


def image_as_it_is(data: bytes, *, max_side_px: int, max_bytes: int) -> FitImage | None:
    """Return the image where it is fit as it stands, None where it has to be changed: nothing is decoded. Raises BadImage."""
    image, facts = open_image(data, max_pixels=_MAX_PIXELS)
    with decoding(facts.content_type):
        is_fit = _is_fit(image, data, max_side_px, max_bytes)
    return _as_it_is(image, data) if is_fit else None


def picture_within(data: bytes, *, max_side_px: int, max_pixels: int) -> Image.Image:
    """Return the picture decoded: upright, in RGB on white, its longest side at most `max_side_px`; raises BadImage."""
    image, facts = open_image(data, max_pixels=max_pixels)
    with decoding(facts.content_type):
        size, plain = _decoded(image, max_side_px)
        return _resized(plain, shrunk_size(*size, max_side_px))


def _as_it_is(image: ImageFile.ImageFile, data: bytes) -> FitImage:
    return FitImage(data, _TAKEN_AS_THEY_ARE[image.format or ""], *image.size)


def _is_fit(image: ImageFile.ImageFile, data: bytes, max_side_px: int, max_bytes: int) -> bool:
    return len(data) <= max_bytes and max(image.size) <= max_side_px and _is_taken(image, data)


def _is_taken(image: ImageFile.ImageFile, data: bytes) -> bool:
    """Tell whether models take the format as it is, and show it as it is meant."""
    if (
        image.mode not in _TAKEN_MODES.get(image.format or "", ())
        or is_transparent(image)
        or getattr(image, "is_animated", False)
    ):
        return False
    if image.format == "PNG":
        # Only a PNG that says beforehand that it has EXIF is asked for it: any other would have to be decoded.
        return data[_PNG_BIT_DEPTH] <= _DEEPEST_TAKEN and ("exif" not in image.info or orientation_of(image) == UPRIGHT)
    return orientation_of(image) == UPRIGHT


def _decoded(image: ImageFile.ImageFile, max_side_px: int) -> tuple[tuple[int, int], Image.Image]:
    """Return the whole picture's size, upright, and the picture itself: upright, in RGB, at least as large as it is wanted."""
    whole = image.size
    # A JPEG is decoded at a half, quarter or eighth of its size where that is enough.
    image.draft("RGB", shrunk_size(*whole, max_side_px))
    orientation = orientation_of(image)
    image.load()
    if image.format == "TIFF":  # Pillow turns it itself when it loads it
        return image.size, on_white(in_plain_colours(image))
    plain = _resized(on_white(in_plain_colours(image)), shrunk_size(*whole, max_side_px))
    return upright_size(*whole, orientation), upright(plain, orientation)


def _ever_smaller(size: tuple[int, int], plain: Image.Image, max_side_px: int) -> Iterator[Image.Image]:
    """Yield the picture as it is wanted, then with three quarters of the sides again and again."""
    side_px = min(max_side_px, max(size))
    while True:
        plain = _resized(plain, shrunk_size(*size, side_px))
        yield plain
        side_px = side_px * 3 // 4
        if side_px < _SMALLEST_SIDE_PX:
            return


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image if image.size == size else image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
