"""A small view of a picture, upright and in plain colours: all that is measured is measured on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from PIL import Image

from picsum_vision.images.decoding import decoding, open_image

if TYPE_CHECKING:
    from PIL import ImageFile

VIEW_SIDE_PX: Final = 256
"""A picture is shrunk by whole factors as long as its shorter side keeps this many pixels."""

_ORIENTATION_TAG: Final = 0x0112
_UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns a picture upright, by its EXIF orientation."""
_LYING: Final = frozenset({5, 6, 7, 8})
_ANIMATED: Final = frozenset({"GIF", "PNG", "WEBP", "AVIF"})
_LARGEST_8_BIT: Final = 255
_LARGEST_16_BIT: Final = 65_535


class PixelView(NamedTuple):
    """The whole picture's size in pixels, upright; its number of frames; and the first one small, as RGB or RGBA."""

    width: int
    height: int
    frames: int
    image: Image.Image


def small_view(data: bytes, *, max_pixels: int) -> PixelView:
    """Decode the picture in `data` at the smallest size that serves; raise `BadImage` for what is none."""
    image, facts = open_image(data, max_pixels=max_pixels)
    with decoding(facts.content_type):
        width, height = facts.width or 0, facts.height or 0
        # Only JPEG decodes at a half, a quarter or an eighth; for the others this does nothing.
        image.draft(image.mode, (VIEW_SIDE_PX, VIEW_SIDE_PX))
        orientation = _orientation(image)
        if orientation in _LYING:
            width, height = height, width
        image.load()
        plain = _shrunk(_in_plain_colours(image))
        # Pillow turns a TIFF itself when it loads it.
        turn = None if image.format == "TIFF" else _UPRIGHT.get(orientation)
        upright = plain if turn is None else plain.transpose(turn)
        return PixelView(width, height, _frame_count(image), upright)


def _orientation(image: Image.Image) -> int:
    """Read the EXIF orientation; 1 (upright) where the block is missing or damaged, which spoils no pixel."""
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # noqa: BLE001 - damaged EXIF raises nearly every type, and the picture is sound without it
        return 1


def _frame_count(image: ImageFile.ImageFile) -> int:
    return int(getattr(image, "n_frames", 1)) if image.format in _ANIMATED else 1


def _shrunk(image: Image.Image) -> Image.Image:
    factor = min(image.size) // VIEW_SIDE_PX
    # A very long and narrow picture keeps its short side; its long one is bounded all the same.
    along = max(1, factor, max(image.size) // (VIEW_SIDE_PX * 8))
    return image.reduce((min(along, image.width), min(along, image.height))) if along > 1 else image


def _in_plain_colours(image: Image.Image) -> Image.Image:
    """Convert any mode to RGB or RGBA, 8 bits a channel."""
    if image.mode.startswith("I") or image.mode == "F":
        return _from_deep_grey(image).convert("RGB")
    if image.mode == "LAB":
        return Image.merge("RGB", [image.getchannel(0)] * 3)
    if "transparency" in image.info or image.mode in {"RGBA", "LA", "PA", "RGBa", "La"}:
        return (image.convert("LA") if image.mode == "La" else image).convert("RGBA")
    return image.convert("RGB")


def _from_deep_grey(image: Image.Image) -> Image.Image:
    """Scale 16 and 32 bits and floats to 8 bits, by the smallest usual range that holds them: 0..1 (floats), 255, 65535."""
    values = np.nan_to_num(np.asarray(image)).clip(0, None)
    largest = float(values.max())
    if image.mode == "F" and largest <= 1:
        full = 1.0
    elif image.mode.startswith("I;16") or largest > _LARGEST_8_BIT:
        full = max(largest, float(_LARGEST_16_BIT))
    else:
        full = float(_LARGEST_8_BIT)
    return Image.fromarray((values * np.float32(_LARGEST_8_BIT / full)).round().clip(0, _LARGEST_8_BIT).astype(np.uint8))
