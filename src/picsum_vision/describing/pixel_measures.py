"""What can be measured in a picture's pixels, as numbers."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from picsum_vision.describing.pixel_colours import ColourShare, Floats, colour_shares, lab_of

if TYPE_CHECKING:
    from PIL import Image

    from picsum_vision.describing.pixel_view import PixelView

Orientation = Literal["landscape", "portrait", "square", "panorama"]
Tone = Literal["warm", "cool", "neutral"]
Half = Literal["top", "bottom", "left", "right"]

_COLOUR_SIDE_PX: Final = 64
_KEPT_COLOURS: Final = 5
_KEPT_SHARE: Final = 0.05
_SQUARE_RATIO: Final = 1.03
_PANORAMA_RATIO: Final = 2.0
_GREY_CHROMA: Final = 5.0
_GREY_PERCENTILE: Final = 99.0
_TONE_CHROMA: Final = 10.0
_WARM_HUES: Final = (-35.0, 110.0)
_COOL_HUES: Final = (150.0, 310.0)
_HALF_DIFFERENCE: Final = 15.0
_OPPOSITE: Final[dict[Half, Half]] = {"top": "bottom", "bottom": "top", "left": "right", "right": "left"}
_SHARPNESS_SIDE_PX: Final = 16
_SHARPNESS_LINES: Final = 64
_FLAT_STEP: Final = 0.5
_BLUR_TAPS: Final = 9


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PixelMeasures:
    """What was measured. Transparent pixels count for nothing but `transparency`.

    - `width`, `height`: pixels, after the EXIF orientation; `orientation`: square within 3 %, panorama from 2 : 1 on.
    - `frames`: 1 for a still picture; of an animated one the first frame is measured.
    - `colours`: up to five (name, share) with at least 5 % of the picture, largest first; the largest in any case.
    - `brightness`: mean CIELAB lightness, 0 black to 1 white.
    - `contrast`: standard deviation of the lightness, 0 none to 1 half black and half white.
    - `saturation`: mean CIELAB chroma by 100, 0 grey to 1.
    - `sharpness`: 1 minus the blur of Crete et al. (2007) on a view whose shorter side is 256 to 511 pixels: how much of
      the steps between neighbours a further blurring takes away. None where there are no steps or under 16 pixels a side.
    - `grayscale`: 99 % of the pixels have a chroma under 5.
    - `tone`: "warm" (red to yellow) or "cool" (green-blue to violet) where that kind of hue, with a chroma of at least 10,
      covers a third of the picture and twice as much as the other; else "neutral".
    - `darker_half`: the half whose mean lightness is at least 15 of 100 below the opposite one's, or None.
    - `transparency`: 0 opaque to 1 wholly transparent (then there are no colours, and the other figures are 0).
    """

    width: int
    height: int
    orientation: Orientation
    frames: int
    colours: tuple[ColourShare, ...]
    brightness: float
    contrast: float
    saturation: float
    sharpness: float | None
    grayscale: bool
    tone: Tone
    darker_half: Half | None
    transparency: float


def measure_view(view: PixelView) -> PixelMeasures:
    """Measure a small view of a picture."""
    size = (view.width, view.height)
    small = _for_colours(view.image)
    alpha = _alpha(small)
    transparency = float(1 - alpha.mean(dtype=np.float64))
    rgb = np.asarray(small.convert("RGB"))
    if not alpha.any():
        return _nothing_visible(size, view.frames)
    lab = lab_of(rgb)
    is_visible = alpha > 0
    weights = alpha[is_visible]
    pixels = lab[is_visible]
    chroma = np.hypot(pixels[:, 1], pixels[:, 2])
    grey = view.image.convert("L")
    brightness, contrast = _lightness(grey, view.image)
    return PixelMeasures(
        width=size[0],
        height=size[1],
        orientation=_orientation(*size),
        frames=view.frames,
        colours=_largest(colour_shares(rgb[is_visible], weights)),
        brightness=brightness,
        contrast=contrast,
        saturation=min(1.0, float(np.average(chroma, weights=weights)) / 100),
        sharpness=_sharpness(grey, view.image),
        grayscale=bool(np.percentile(chroma, _GREY_PERCENTILE) < _GREY_CHROMA),
        tone=_tone(pixels, chroma, weights),
        darker_half=_darker_half(lab[..., 0], alpha),
        transparency=transparency,
    )


def _nothing_visible(size: tuple[int, int], frames: int) -> PixelMeasures:
    return PixelMeasures(
        width=size[0],
        height=size[1],
        orientation=_orientation(*size),
        frames=frames,
        colours=(),
        brightness=0.0,
        contrast=0.0,
        saturation=0.0,
        sharpness=None,
        grayscale=True,
        tone="neutral",
        darker_half=None,
        transparency=1.0,
    )


def _alpha(image: Image.Image) -> Floats:
    """Give how opaque each pixel is, 0..1."""
    if image.mode != "RGBA":
        return np.ones((image.height, image.width), dtype=np.float32)
    return np.asarray(image.getchannel("A"), dtype=np.float32) / np.float32(255)


def _largest(shares: list[ColourShare]) -> tuple[ColourShare, ...]:
    worth_keeping = [colour for colour in shares[:_KEPT_COLOURS] if colour.share >= _KEPT_SHARE]
    return tuple(worth_keeping or shares[:1])


def _for_colours(image: Image.Image) -> Image.Image:
    factor = max(1, min(image.size) // _COLOUR_SIDE_PX)
    return image.reduce(factor) if factor > 1 else image


def _orientation(width: int, height: int) -> Orientation:
    if max(width, height) <= _SQUARE_RATIO * min(width, height):
        return "square"
    if width >= _PANORAMA_RATIO * height:
        return "panorama"
    return "landscape" if width > height else "portrait"


_ANY_OPACITY: Final = [0] + [255] * 255
_LIGHTNESS_OF_LEVEL: Final = lab_of(np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1))[:, 0].astype(np.float64)


def _lightness(grey: Image.Image, image: Image.Image) -> tuple[float, float]:
    """Give mean and spread of the lightness, 0..1 each, from the histogram of the grey levels."""
    mask = image.getchannel("A").point(_ANY_OPACITY) if image.mode == "RGBA" else None
    counts = np.array(grey.histogram(mask), dtype=np.float64)
    mean = float(np.average(_LIGHTNESS_OF_LEVEL, weights=counts))
    spread = float(np.sqrt(np.average((_LIGHTNESS_OF_LEVEL - mean) ** 2, weights=counts)))
    return min(1.0, mean / 100), min(1.0, spread / 50)


def _tone(lab: Floats, chroma: Floats, weights: Floats) -> Tone:
    hue = np.degrees(np.arctan2(lab[:, 2], lab[:, 1]))
    is_coloured = chroma >= _TONE_CHROMA
    warm = is_coloured & (hue >= _WARM_HUES[0]) & (hue <= _WARM_HUES[1])
    cool = is_coloured & ((hue % 360 >= _COOL_HUES[0]) & (hue % 360 <= _COOL_HUES[1]))
    total = weights.sum()
    warm_share, cool_share = float(weights[warm].sum() / total), float(weights[cool].sum() / total)
    if warm_share >= 1 / 3 and warm_share >= 2 * cool_share:
        return "warm"
    return "cool" if cool_share >= 1 / 3 and cool_share >= 2 * warm_share else "neutral"


def _darker_half(lightness: Floats, alpha: Floats) -> Half | None:
    height, width = lightness.shape
    rows, columns = height // 2, width // 2
    sides: list[tuple[Half, slice, slice]] = [
        ("top", slice(0, rows), slice(None)),
        ("bottom", slice(height - rows, None), slice(None)),
        ("left", slice(None), slice(0, columns)),
        ("right", slice(None), slice(width - columns, None)),
    ]
    means = {name: _weighted_mean(lightness[down, across], alpha[down, across]) for name, down, across in sides}
    darkest: Half | None = None
    largest = _HALF_DIFFERENCE
    for name, opposite in _OPPOSITE.items():
        mine, other = means[name], means[opposite]
        if mine is not None and other is not None and other - mine >= largest:
            darkest, largest = name, other - mine
    return darkest


def _weighted_mean(values: Floats, weights: Floats) -> float | None:
    total = float(weights.sum())
    return float((values * weights).sum()) / total if total > 0 else None


def _sharpness(grey: Image.Image, image: Image.Image) -> float | None:
    if min(image.size) < _SHARPNESS_SIDE_PX:
        return None
    levels = np.asarray(grey, dtype=np.float32)
    if image.mode == "RGBA":
        # The colours of invisible pixels are anything: they are made as light as the visible ones on average.
        alpha = _alpha(image)
        levels = levels * alpha + np.float32(np.average(levels, weights=alpha)) * (1 - alpha)
    # Sixty-odd lines each way tell as much as all of them, at a quarter of the cost.
    step = max(1, min(levels.shape) // _SHARPNESS_LINES)
    blurs = [_blur(levels[::step]), _blur(levels.T[::step])]
    known = [blur for blur in blurs if blur is not None]
    return 1 - max(known) if known else None


def _blur(grey: Floats) -> float | None:
    """Give the share of the horizontal steps that a box blur of nine pixels leaves, 0 sharp to 1; None without steps."""
    sums = np.cumsum(grey, axis=1, dtype=np.float32)
    blurred = (sums[:, _BLUR_TAPS:] - sums[:, :-_BLUR_TAPS]) / _BLUR_TAPS
    half = _BLUR_TAPS // 2 + 1
    inner = grey[:, half : half + blurred.shape[1]]
    steps = np.abs(np.diff(inner, axis=1))
    total = float(steps.sum())
    if total < _FLAT_STEP * steps.size:
        return None
    lost = np.maximum(0, steps - np.abs(np.diff(blurred, axis=1)))
    return float(1 - lost.sum() / total)
