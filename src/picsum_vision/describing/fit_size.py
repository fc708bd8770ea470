"""How large an image will be when it is sent, from its header alone."""

from __future__ import annotations

from picsum_vision.images.facts import BadImage
from picsum_vision.images.headers import check_header
from picsum_vision.images.shrinking import shrunk_size

_NO_BOUND_PX = 1 << 60


def size_when_sent(data: bytes, max_side_px: int | None) -> tuple[int, int] | None:
    """Return width and height after the image was made fit (None: sent as it is); None for what is no image."""
    try:
        _, header = check_header(data, _NO_BOUND_PX)
    except BadImage:
        return None
    width, height = max(1, header.width), max(1, header.height)
    return (width, height) if max_side_px is None else shrunk_size(width, height, max_side_px)
