"""Pictures for the image server: real photographs where some are installed, drawn ones otherwise.

scikit-image and scikit-learn ship a few photographs inside their wheels (`pip install 'picsum-vision[photos]'`; two of them,
china.jpg and flower.jpg, are under CC BY 2.0, see scikit-learn's own README). They are read from those packages' folders, which
are found without importing the packages and never downloaded. Without them the pictures are landscapes drawn with numpy.

There are few photographs and many ids: a *view* is one photograph seen through a window of its own, perhaps mirrored, with a tint
of its own. The same view at another size shows the same part of the same photograph.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import math
import random
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageOps

_PHOTOGRAPHS: Final = (
    ("sklearn", "datasets/images", ("china.jpg", "flower.jpg")),
    (
        "skimage",
        "data",
        (
            "astronaut.png",
            "chelsea.png",
            "coffee.png",
            "rocket.jpg",
            "motorcycle_left.png",
            "hubble_deep_field.jpg",
            "retina.jpg",
            "camera.png",
            "coins.png",
            "brick.png",
            "moon.png",
        ),
    ),
)
_DRAWN: Final = 12
_DRAWN_SIZE: Final = (1000, 750)


@dataclasses.dataclass(frozen=True, kw_only=True)
class View:
    """One photograph through one window: `zoom` is the window's share of the photograph, `x` and `y` its place (0..1)."""

    photograph: int
    zoom: float
    x: float
    y: float
    mirrored: bool
    tint: tuple[float, float, float]


@functools.cache
def photograph_files() -> tuple[Path, ...]:
    """Find the photographs that installed packages ship; none where neither package is installed."""
    found = []
    for package, folder, names in _PHOTOGRAPHS:
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin is not None:
            paths = (Path(spec.origin).parent / folder / name for name in names)
            found += [path for path in paths if path.is_file()]
    return tuple(found)


def photograph_count() -> int:
    """Tell how many different photographs there are, real or drawn."""
    return len(photograph_files()) or _DRAWN


@functools.lru_cache(maxsize=32)
def photograph(number: int) -> Image.Image:
    """Load (or draw) one photograph as RGB. Numbers go round."""
    files = photograph_files()
    if not files:
        return _drawn_landscape(number % _DRAWN)
    with Image.open(files[number % len(files)]) as image:
        return image.convert("RGB")


def view(number: int) -> View:
    """Choose the view with this number: photographs take turns, the rest is drawn by lot from the number alone."""
    lot = random.Random(f"view {number}")  # noqa: S311 - a lot, not a secret
    return View(
        photograph=number,
        zoom=lot.uniform(0.5, 1.0),
        x=lot.random(),
        y=lot.random(),
        mirrored=lot.random() < 0.5,  # noqa: PLR2004 - one half
        tint=(lot.uniform(0.75, 1.1), lot.uniform(0.8, 1.1), lot.uniform(0.75, 1.1)),
    )


def picture(number: int, width: int, height: int) -> Image.Image:
    """Show view `number` as an RGB image of exactly `width` x `height` pixels."""
    seen = view(number)
    source = photograph(seen.photograph)
    image = source.resize((width, height), Image.Resampling.BICUBIC, box=_window(seen, source.size, width / height))
    if seen.mirrored:
        image = ImageOps.mirror(image)
    levels = [min(255, round(level * gain)) for gain in seen.tint for level in range(256)]
    return image.point(levels)


def _window(seen: View, size: tuple[int, int], aspect: float) -> tuple[float, float, float, float]:
    widest = min(float(size[0]), size[1] * aspect)
    window_width = max(1.0, widest * seen.zoom)
    window_height = min(float(size[1]), max(1.0, window_width / aspect))
    left = (size[0] - window_width) * seen.x
    top = (size[1] - window_height) * seen.y
    return left, top, left + window_width, top + window_height


def _drawn_landscape(number: int) -> Image.Image:
    """Draw a sky with a sun over three ranges of hills, with some grain so that it compresses like a photograph."""
    lot = np.random.default_rng(number)
    width, height = _DRAWN_SIZE
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    top, bottom = lot.uniform(60, 200, 3), lot.uniform(150, 250, 3)
    pixels = top + (bottom - top) * (y / height)[..., None]
    sun = np.hypot(x - lot.uniform(0.1, 0.9) * width, y - lot.uniform(0.1, 0.4) * height)
    pixels[sun < lot.uniform(30, 80)] = (255, 240, 190)
    for layer in range(3):
        waves = sum(lot.uniform(8, 45) * np.sin(x / lot.uniform(15, 160) + lot.uniform(0, 2 * math.pi)) for _ in range(5))
        hill = y > height * (0.4 + 0.17 * layer) + waves
        pixels[hill] = lot.uniform(20, 170, 3) * (1 - 0.2 * layer)
    pixels += _grain(lot)[..., None]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8), "RGB")


def _grain(lot: np.random.Generator) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Noise at several scales, as texture of leaves and stone has."""
    width, height = _DRAWN_SIZE
    total = np.zeros((height, width), dtype=np.float32)
    for scale, strength in ((1, 4.0), (4, 7.0), (16, 9.0)):
        coarse = lot.normal(0.0, strength, (height // scale + 1, width // scale + 1)).astype(np.float32)
        fine = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        total += np.asarray(fine, dtype=np.float32)
    return total
