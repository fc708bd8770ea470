"""A small view of a picture, upright and in plain colours: all that is measured is measured on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from picsum_vision.images.decoding import decoding, open_image
from picsum_vision.images.orientation import orientation_of, upright, upright_size
from picsum_vision.images.plain_colours import in_plain_colours

if TYPE_CHECKING:
    from PIL import Image, ImageFile

VIEW_SIDE_PX: Final = 256
"""A picture is shrunk by whole factors as long as its shorter side keeps this many pixels."""

_ANIMATED: Final = frozenset({"GIF", "PNG", "WEBP", "AVIF"})


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
        orientation = orientation_of(image)
        image.load()
        plain = _shrunk(in_plain_colours(image))
        # Pillow turns a TIFF itself when it loads it.
        turned = plain if image.format == "TIFF" else upright(plain, orientation)
        return PixelView(*upright_size(width, height, orientation), _frame_count(image), turned)


def _frame_count(image: ImageFile.ImageFile) -> int:
    return int(getattr(image, "n_frames", 1)) if image.format in _ANIMATED else 1


def _shrunk(image: Image.Image) -> Image.Image:
    factor = min(image.size) // VIEW_SIDE_PX
    # A very long and narrow picture keeps its short side; its long one is bounded all the same.
    along = max(1, factor, max(image.size) // (VIEW_SIDE_PX * 8))
    return image.reduce((min(along, image.width), min(along, image.height))) if along > 1 else image
