"""What the embedded model server sees in an image: its size, its brightness and its colours."""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import io
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from PIL import Image, ImageStat

from picsum_vision.testing.model_server.errors import ApiError

_FORMATS: Final = ("JPEG", "PNG", "GIF", "WEBP")
_THUMBNAIL: Final = (12, 12)
_MAX_PIXELS: Final = 80_000_000
_MAX_REMEMBERED: Final = 100_000
_COLOURS: Final = {
    "red": (220, 30, 30),
    "orange": (255, 150, 20),
    "yellow": (250, 240, 50),
    "green": (30, 160, 40),
    "cyan": (60, 220, 220),
    "blue": (40, 60, 220),
    "purple": (130, 20, 150),
    "pink": (255, 150, 185),
    "brown": (130, 75, 35),
    "black": (15, 15, 15),
    "white": (245, 245, 245),
    "grey": (128, 128, 128),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class PixelFacts:
    """What was measured in one image.

    `width` and `height` in pixels, `brightness` from 0 to 100, `colours` by name with the most frequent first, `mean_colour` as
    `#rrggbb`, `fingerprint` the start of the SHA-256 of its bytes.
    """

    width: int
    height: int
    brightness: float
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


def measure(data: bytes, sha256: str) -> PixelFacts:
    """Decode the image `data` in full and measure it; :class:`ApiError` 400 if it is no image or a damaged one."""
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            width, height = image.size
            if width * height > _MAX_PIXELS:
                raise _invalid_image(f"it has more than {_MAX_PIXELS} pixels")
            # A JPEG is decoded at an eighth of its size, at a fraction of the cost.
            image.draft("RGB", _THUMBNAIL)
            thumbnail = image.convert("RGB").resize(_THUMBNAIL, Image.Resampling.BOX)
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise _invalid_image(type(error).__name__) from error
    return PixelFacts(
        width=width,
        height=height,
        brightness=round(ImageStat.Stat(thumbnail.convert("L")).mean[0] / 2.55, 1),
        colours=_colours(thumbnail),
        mean_colour="#" + "".join(f"{round(mean):02x}" for mean in ImageStat.Stat(thumbnail).mean),
        fingerprint=sha256[:8],
    )


def _colours(thumbnail: Image.Image) -> tuple[str, ...]:
    palette = Image.new("P", (1, 1))
    # All 256 entries, or Pillow has colours of its own in the rest.
    palette.putpalette(([level for colour in _COLOURS.values() for level in colour] * 22)[: 3 * 256])
    counts = thumbnail.quantize(palette=palette, dither=Image.Dither.NONE).histogram()
    found = {name: sum(counts[number :: len(_COLOURS)]) for number, name in enumerate(_COLOURS)}
    return tuple(sorted((name for name in found if found[name]), key=lambda name: -found[name]))


def _invalid_image(reason: str) -> ApiError:
    message = f"Invalid image ({reason}). Supported are intact images of these formats: png, jpeg, gif, webp."
    return ApiError(400, message, param="messages", code="invalid_image_format")
