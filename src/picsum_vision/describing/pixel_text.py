"""Text read with Tesseract."""

from __future__ import annotations

from typing import Final

from PIL import Image

from picsum_vision.describing.backends import OCR_LANGUAGES
from picsum_vision.describing.pixel_extras import text_module
from picsum_vision.images.fitting import picture_within
from picsum_vision.redaction import redact_error

# Tesseract wants letters of 20 to 30 pixels: a small picture is made larger, a large one is not needed.
_LARGEST_SIDE_PX: Final = 3_000
_WANTED_SIDE_PX: Final = 1_500
_LARGEST_FACTOR: Final = 4


class ReadingFailed(Exception):  # noqa: N818 - becomes the outcome `model_error`
    """Tesseract gave up on a picture."""


def read_text(data: bytes, language: str, *, max_pixels: int, timeout_s: float) -> str:
    """Return the text in the picture, empty if none is found.

    Raises BadImage, MissingExtraError, EnvironmentProblem, ReadingFailed, and TimeoutError after `timeout_s`.
    """
    pytesseract = text_module(language)
    picture = _enlarged(picture_within(data, max_side_px=_LARGEST_SIDE_PX, max_pixels=max_pixels))
    try:
        text: str = pytesseract.image_to_string(picture, lang=_packs(language), timeout=timeout_s)
    except pytesseract.TesseractError as error:
        raise ReadingFailed(f"Tesseract: {redact_error(error.message, at_most=200)}") from error
    except RuntimeError as error:  # what pytesseract raises when the time is up
        raise TimeoutError from error
    return text.strip()


def _enlarged(picture: Image.Image) -> Image.Image:
    factor = min(_LARGEST_FACTOR, _WANTED_SIDE_PX // max(picture.size))
    if factor <= 1:
        return picture
    return picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.BICUBIC)


def _packs(language: str) -> str:
    return OCR_LANGUAGES[language.partition("-")[0].lower()]
