"""Colours by name: the nearest of some fifty reference colours in CIELAB (CIE 1976, D65)."""

from __future__ import annotations

import functools
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_REFERENCES: Final = {
    "black": ["000000", "141414", "101820"],
    "dark_grey": ["404040", "505050"],
    "grey": ["707070", "808080", "909090"],
    "light_grey": ["b0b0b0", "c8c8c8"],
    "white": ["f0f0f0", "ffffff"],
    "red": ["ff0000", "e02020", "c81414"],
    "burgundy": ["800020", "700000", "4a0010"],
    "pink": ["ffc0cb", "ff8fb0", "e88098"],
    "orange": ["ff8000", "ff6a00", "e89040"],
    "brown": ["7a4a20", "5a3418", "3a2412", "946a44"],
    "beige": ["d8c09a", "c4ac88", "b09878"],
    "cream": ["fff4d6", "f0e4c8"],
    "yellow": ["ffff00", "ffd700", "e6c828", "fff080"],
    "olive": ["808000", "6b7030", "556b2f", "404a20", "98a060"],
    "green": ["008000", "00c000", "00ff00", "3c9040"],
    "dark_green": ["003c00", "1c4020", "102818"],
    "light_green": ["90ee90", "b0e090", "a8d8a8"],
    "turquoise": ["40e0d0", "00ffff", "20b2aa", "008080", "206868"],
    "sky_blue": ["87ceeb", "a8d4f0", "70b0e0", "98b8d0"],
    "blue": ["0000ff", "2060d0", "4080c0", "0040a0", "5078a0"],
    "navy": ["000080", "102048", "203860", "183048"],
    "violet": ["8000ff", "800080", "6a30a0", "4b2060"],
    "magenta": ["ff00ff", "ff0090", "d02090"],
    "lilac": ["c8a2c8", "b090d8", "d8bfe8"],
}
"""sRGB values for each name; a name with a wide range of shades has several."""

COLOUR_NAMES: Final = tuple(_REFERENCES)
"""The keys of the names, as they stand in the measures."""

_BIN_LEVELS: Final = 8
_BINS: Final = 256 // _BIN_LEVELS
_TO_XYZ: Final = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]],
    dtype=np.float32,
)
_WHITE_D65: Final = np.array([0.95047, 1.0, 1.08883], dtype=np.float32)
_NEARLY_LINEAR: Final = 0.04045
_LEVELS: Final = np.arange(256, dtype=np.float32) / 255
_LINEAR: Final = np.where(_LEVELS <= _NEARLY_LINEAR, _LEVELS / 12.92, ((_LEVELS + 0.055) / 1.055) ** 2.4).astype(np.float32)
_DARK: Final = (6 / 29) ** 3


class ColourShare(NamedTuple):
    """A colour's key and its share of the visible picture, 0..1."""

    name: str
    share: float


def lab_of(rgb: NDArray[np.uint8]) -> Floats:
    """Convert sRGB values of shape (..., 3) to CIELAB: L* 0..100, a* and b* about -110..110."""
    relative = (_LINEAR[rgb] @ _TO_XYZ.T) / _WHITE_D65
    bent = np.where(relative > _DARK, np.cbrt(relative), relative * np.float32(841 / 108) + np.float32(4 / 29))
    x, y, z = bent[..., 0], bent[..., 1], bent[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


@functools.cache
def _names_of_bins() -> NDArray[np.intp]:
    """Give the nearest name's index for each of the 32 x 32 x 32 bins of eight levels a side, judged at the bin's centre.

    A table, because the distances of every pixel to every reference would cost more than all other measures together.
    """
    values = [bytes.fromhex(value) for shades in _REFERENCES.values() for value in shades]
    owners = np.array([index for index, shades in enumerate(_REFERENCES.values()) for _ in shades])
    references = lab_of(np.frombuffer(b"".join(values), dtype=np.uint8).reshape(-1, 3))
    levels = np.arange(0, 256, _BIN_LEVELS, dtype=np.uint8) + np.uint8(_BIN_LEVELS // 2)
    bins = lab_of(np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 3))
    # |bin - reference|^2 without the bin's own square, which is the same for every reference.
    distance = (references**2).sum(axis=1) - 2 * (bins @ references.T)
    nearest: NDArray[np.intp] = owners[distance.argmin(axis=1)]
    return nearest


def colour_shares(rgb: NDArray[np.uint8], weights: Floats) -> list[ColourShare]:
    """Give each name's share of the weighted pixels of shape (n, 3), largest first, names of no pixel left out."""
    red, green, blue = (rgb[:, channel].astype(np.intp) // _BIN_LEVELS for channel in range(3))
    names = _names_of_bins()[(red * _BINS + green) * _BINS + blue]
    sums = np.bincount(names, weights=weights, minlength=len(COLOUR_NAMES)) / weights.sum()
    shares = [ColourShare(name, float(share)) for name, share in zip(COLOUR_NAMES, sums, strict=True) if share > 0]
    return sorted(shares, key=lambda colour: (-round(colour.share, 6), colour.name))
