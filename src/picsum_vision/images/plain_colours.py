"""Any of Pillow's modes as RGB or RGBA, 8 bits a channel."""

from __future__ import annotations

from typing import Final

from PIL import Image

_WITH_ALPHA: Final = frozenset({"RGBA", "LA", "PA", "RGBa", "La"})
_LARGEST_8_BIT: Final = 255
_LARGEST_16_BIT: Final = 65_535


def is_transparent(image: Image.Image) -> bool:
    """Tell whether some of the picture may be seen through."""
    return image.mode in _WITH_ALPHA or "transparency" in image.info


def in_plain_colours(image: Image.Image) -> Image.Image:
    """Convert any mode to RGB, or to RGBA where the picture is transparent."""
    if image.mode.startswith("I") or image.mode == "F":
        return _from_deep_grey(image).convert("RGB")
    if image.mode == "LAB":
        return Image.merge("RGB", [image.getchannel(0)] * 3)
    if is_transparent(image):
        return (image.convert("LA") if image.mode == "La" else image).convert("RGBA")
    return image.convert("RGB")


def on_white(image: Image.Image) -> Image.Image:
    """Return a picture in plain colours as RGB, with white behind what is transparent."""
    if image.mode != "RGBA":
        return image
    ground = Image.new("RGBA", image.size, "white")
    ground.alpha_composite(image)
    return ground.convert("RGB")


def _from_deep_grey(image: Image.Image) -> Image.Image:
    """Scale 16 and 32 bits and floats to 8 bits, by the smallest usual range that holds them: 0..1 (floats), 255, 65535."""
    import numpy as np  # noqa: PLC0415 - for the few pictures that are so; a fresh worker is to start quickly

    values = np.nan_to_num(np.asarray(image)).clip(0, None)
    largest = float(values.max())
    if image.mode == "F" and largest <= 1:
        full = 1.0
    elif image.mode.startswith("I;16") or largest > _LARGEST_8_BIT:
        full = max(largest, float(_LARGEST_16_BIT))
    else:
        full = float(_LARGEST_8_BIT)
    return Image.fromarray((values * np.float32(_LARGEST_8_BIT / full)).round().clip(0, _LARGEST_8_BIT).astype(np.uint8))
