"""What the embedded model server sees in an image: its size, its brightness and its colours."""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import hashlib
import io
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from PIL import Image

from picsum_vision.testing.model_server.errors import ApiError

_FORMATS: Final = ("JPEG", "PNG", "GIF", "WEBP")
_THUMBNAIL: Final = (12, 12)
_MAX_PIXELS: Final = 80_000_000
_MAX_REMEMBERED: Final = 100_000
_FULL: Final = 255
_DARK, _PALE, _VIVID_ENOUGH, _BROWN_BELOW, _PINK_BELOW = 50, 215, 40, 150, 110
# Upper ends of the hues in degrees.
_HUES: Final = ((15, "red"), (45, "orange"), (70, "yellow"), (165, "green"), (200, "cyan"), (258, "blue"), (300, "purple"))
_RED_FROM: Final = 340


@dataclasses.dataclass(frozen=True, kw_only=True)
class PixelFacts:
    """What was measured in one image.

    `width` and `height` in pixels, `brightness` and `contrast` from 0 to 100, `colours` by name with the most frequent first,
    `mean_colour` as `#rrggbb`, `fingerprint` the start of the SHA-256 of its bytes.
    """

    width: int
    height: int
    brightness: float
    contrast: float
    colours: tuple[str, ...]
    mean_colour: str
    fingerprint: str


class PixelReader:
    """Decodes images in threads and remembers what it measured, by content."""

    def __init__(self) -> None:
        """Start with nothing remembered."""
        self._known: collections.OrderedDict[str, asyncio.Future[PixelFacts]] = collections.OrderedDict()
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="decode")

    async def read(self, data: bytes, sha256: str) -> PixelFacts:
        """Return what is in the image `data`, whose SHA-256 is `sha256`; :class:`ApiError` 400 if it is none."""
        reading = self._known.get(sha256)
        if reading is None:
            # Remembered before it is done, so that the same image in many requests at once is decoded once.
            reading = asyncio.get_running_loop().run_in_executor(self._threads, measure, data, sha256)
            self._known[sha256] = reading
            if len(self._known) > _MAX_REMEMBERED:
                self._known.popitem(last=False)
        try:
            # One client that leaves must not cancel what others wait for.
            return await asyncio.shield(reading)
        except ApiError:
            # Its traceback would keep the damaged image in memory.
            self._known.pop(sha256, None)
            raise


def measure(data: bytes, sha256: str | None = None) -> PixelFacts:
    """Decode the image `data` in full and measure it; :class:`ApiError` 400 if it is no image or a damaged one."""
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            width, height = image.size
            if width * height > _MAX_PIXELS:
                raise _invalid_image(f"it has more than {_MAX_PIXELS} pixels")
            # A JPEG is decoded at an eighth of its size, at a fraction of the cost.
            image.draft("RGB", _THUMBNAIL)
            thumbnail = _as_rgb(image).resize(_THUMBNAIL, Image.Resampling.BOX)
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise _invalid_image(type(error).__name__) from error
    return _facts(thumbnail, width, height, sha256 or hashlib.sha256(data).hexdigest())


def _as_rgb(image: Image.Image) -> Image.Image:
    # Pillow clips 16-bit grey to white when it converts to 8 bits: scale it first.
    if image.mode.startswith("I"):
        image = image.convert("I").point(lambda level: level * (1 / 256)).convert("L")
    return image.convert("RGB")


def _facts(thumbnail: Image.Image, width: int, height: int, sha256: str) -> PixelFacts:
    pixels = thumbnail.tobytes()
    means = [sum(pixels[channel::3]) * 3 / len(pixels) for channel in range(3)]
    luma = thumbnail.convert("L").tobytes()
    mean_luma = sum(luma) / len(luma)
    spread = (sum((level - mean_luma) ** 2 for level in luma) / len(luma)) ** 0.5
    hsv = thumbnail.convert("HSV").tobytes()
    names = collections.Counter(_colour_name(*hsv[start : start + 3]) for start in range(0, len(hsv), 3))
    return PixelFacts(
        width=width,
        height=height,
        brightness=round(mean_luma * 100 / _FULL, 1),
        contrast=round(spread * 200 / _FULL, 1),
        colours=tuple(name for name, _ in names.most_common()),
        mean_colour="#" + "".join(f"{round(mean):02x}" for mean in means),
        fingerprint=sha256[:8],
    )


def _colour_name(hue: int, saturation: int, value: int) -> str:
    if value < _DARK:
        return "black"
    if saturation < _VIVID_ENOUGH:
        return "white" if value > _PALE else "grey"
    degrees = hue * 360 / 256
    name = "red" if degrees >= _RED_FROM else next((name for end, name in _HUES if degrees < end), "pink")
    if name == "orange" and value < _BROWN_BELOW:
        return "brown"
    return "pink" if name == "red" and saturation < _PINK_BELOW and value > _PALE else name


def _invalid_image(reason: str) -> ApiError:
    message = f"Invalid image ({reason}). Supported are intact images of these formats: png, jpeg, gif, webp."
    return ApiError(400, message, param="messages", code="invalid_image_format")
