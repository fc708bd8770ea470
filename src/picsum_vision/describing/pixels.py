"""The embedded describer: no model, no network; it says in plain words only what it can measure in the pixels."""

from __future__ import annotations

from typing import Final

from picsum_vision.describing.pixel_faces import count_faces
from picsum_vision.describing.pixel_measures import PixelMeasures, measure_view
from picsum_vision.describing.pixel_view import small_view
from picsum_vision.describing.pixel_words import LANGUAGES, check_language, faces_sentence, sentences

__all__ = ["LANGUAGES", "MAX_PIXELS", "PixelMeasures", "check_language", "describe_pixels", "measure"]

MAX_PIXELS: Final = 89_478_485
"""Width x height above which a picture is refused: Pillow's own default, a quarter of a gigabyte in 24 bits a pixel."""


def measure(data: bytes, *, max_pixels: int = MAX_PIXELS) -> PixelMeasures:
    """Measure the picture in `data`; the same bytes give the same figures. Raises `BadImage` for what is no whole picture."""
    return measure_view(small_view(data, max_pixels=max_pixels))


def describe_pixels(data: bytes, language: str = "it", *, faces: bool = False) -> str:
    """Describe the picture in `data` in one or two sentences, in Italian ("it") or English ("en").

    Size, colours, light, contrast, sharpness: what `measure` gives, and nothing of what the picture shows, but for the number of
    frontal faces if `faces`. Raises `BadImage` for what is no whole picture, `SettingError` for another language, and
    `MissingExtraError` where faces cannot be counted.
    """
    known = check_language(language)
    described = sentences(measure(data), known)
    return f"{described} {faces_sentence(count_faces(data, max_pixels=MAX_PIXELS), known)}" if faces else described
