"""What a byte string is as a picture: its type by content, its size, whether it is whole, and its pixels.

Knows neither HTTP nor models: `download` asks whether a body is a picture, `describe` opens pictures.
"""

from __future__ import annotations

from picsum_vision.images.decoding import decoding, open_image
from picsum_vision.images.facts import BadImage, ImageFacts
from picsum_vision.images.inspection import Verify, inspect_image

__all__ = ["BadImage", "ImageFacts", "Verify", "decoding", "inspect_image", "open_image"]
