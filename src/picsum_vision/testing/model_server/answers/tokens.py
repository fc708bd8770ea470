"""Tokens, counted by a rule of thumb: short pieces of words for text, tiles of 512 pixels for images."""

from __future__ import annotations

import math
import re
from typing import Final

# Covers every character exactly once, so that a text cut after n pieces has n tokens when counted again.
_PIECE: Final = re.compile(r"\s*\w{1,5}|\s*[^\w\s]|\s+")
_BASE_TOKENS: Final = 85
_TILE_TOKENS: Final = 170
_TILE_SIDE_PX: Final = 512
_LONG_SIDE_PX: Final = 2048
_SHORT_SIDE_PX: Final = 768


def count_text_tokens(text: str) -> int:
    """Count the tokens of `text`."""
    return sum(1 for _ in _PIECE.finditer(text))


def cut_to_tokens(text: str, limit: int) -> str:
    """Return the first `limit` tokens of `text`."""
    return "".join(_PIECE.findall(text)[:limit])


def count_image_tokens(width: int, height: int) -> int:
    """Count the tokens of an image of `width` x `height` pixels: shrunk to 2048, then to 768 on its short side, then tiled."""
    scale = min(1.0, _LONG_SIDE_PX / max(width, height), _SHORT_SIDE_PX / min(width, height))
    tiles = math.ceil(round(width * scale) / _TILE_SIDE_PX) * math.ceil(round(height * scale) / _TILE_SIDE_PX)
    return _BASE_TOKENS + _TILE_TOKENS * max(1, tiles)
