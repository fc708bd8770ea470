"""A picture to ask a question about that is to cost as little as can be."""

from __future__ import annotations

import io
from typing import Final

from PIL import Image

# Some models refuse smaller ones.
_SIDE_PX: Final = 32


def tiny_picture() -> bytes:
    """Return a red square as PNG."""
    stream = io.BytesIO()
    Image.new("RGB", (_SIDE_PX, _SIDE_PX), "red").save(stream, "PNG")
    return stream.getvalue()
