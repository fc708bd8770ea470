"""The EXIF orientation: which way up a picture is meant to be seen."""

from __future__ import annotations

from typing import Final

from PIL import Image

UPRIGHT: Final = 1
_ORIENTATION_TAG: Final = 0x0112
_TURNS: Final = {
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


def orientation_of(image: Image.Image) -> int:
    """Read the EXIF orientation; 1 (upright) where the block is missing or damaged, which spoils no pixel.

    A PNG without the block is decoded to look for one behind its pixels.
    """
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, UPRIGHT))
    except Exception:  # noqa: BLE001 - damaged EXIF raises nearly every type, and the picture is sound without it
        return UPRIGHT


def upright_size(width: int, height: int, orientation: int) -> tuple[int, int]:
    """Return width and height of the picture as it is meant to be seen."""
    return (height, width) if orientation in _LYING else (width, height)


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Return the picture as it is meant to be seen."""
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)
