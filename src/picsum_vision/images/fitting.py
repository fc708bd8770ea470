"""An image made fit for a model: not larger than useful, in a format that models take, the right way up."""

from __future__ import annotations

import dataclasses
import io
from typing import Final

from PIL import Image, ImageOps

from picsum_vision.images.decoding import decoding, open_image

_TAKEN_AS_THEY_ARE: Final = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
_PLAIN_MODES: Final = ("RGB", "L")
_ORIENTATION_TAG: Final = 0x0112
_SMALLEST_SIDE_PX: Final = 64
_MAX_PIXELS: Final = 500_000_000


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
            return FitImage(data, _TAKEN_AS_THEY_ARE[image.format or ""], *image.size)
        fit = _shrink(image, max_side_px, jpeg_quality, max_bytes)
    if fit is None:
        raise PayloadTooLarge
    return fit


def _is_fit(image: Image.Image, data: bytes, max_side_px: int, max_bytes: int) -> bool:
    return (
        image.format in _TAKEN_AS_THEY_ARE
        and max(image.size) <= max_side_px
        and len(data) <= max_bytes
        and image.mode in _PLAIN_MODES
        and not getattr(image, "is_animated", False)
        and image.getexif().get(_ORIENTATION_TAG, 1) == 1
    )


def _shrink(image: Image.Image, side_px: int, jpeg_quality: int, max_bytes: int) -> FitImage | None:
    # A JPEG is decoded at a half, quarter or eighth of its size where that is enough.
    image.draft("RGB", (side_px, side_px))
    plain = _on_white(ImageOps.exif_transpose(image))
    while True:
        plain.thumbnail((side_px, side_px), Image.Resampling.LANCZOS, reducing_gap=2.0)
        buffer = io.BytesIO()
        plain.save(buffer, "JPEG", quality=jpeg_quality)
        if buffer.tell() <= max_bytes:
            return FitImage(buffer.getvalue(), "image/jpeg", *plain.size)
        side_px = max(plain.size) * 3 // 4
        if side_px < _SMALLEST_SIDE_PX:
            return None


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        return image.point(lambda value: value / 256).convert("L")
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    ground = Image.new("RGBA", layer.size, "white")
    ground.alpha_composite(layer)
    return ground.convert("RGB")
