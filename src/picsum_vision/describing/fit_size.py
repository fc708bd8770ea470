"""How large an image will be when it is sent, from its header alone."""

from __future__ import annotations

from picsum_vision.images.facts import BadImage
from picsum_vision.images.headers import check_header

_NO_BOUND_PX = 1 << 60


def size_when_sent(data: bytes, max_side_px: int | None) -> tuple[int, int] | None:
    """Return width and height after the image was made fit (None: sent as it is); None for what is no image."""
    try:
        _, header = check_header(data, _NO_BOUND_PX)
    except BadImage:
        return None
    scale = 1.0 if max_side_px is None else min(1.0, max_side_px / max(header.width, header.height, 1))
    return max(1, round(header.width * scale)), max(1, round(header.height * scale))
