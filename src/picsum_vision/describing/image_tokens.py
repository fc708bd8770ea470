"""How many tokens a model counts for an image, by the rules that the makers publish: data, not code branches.

One formula covers them all: the image is shrunk to the model's own bounds, cut into units, and each unit costs the same.
"""

from __future__ import annotations

import dataclasses
import math
import re
from typing import Final

# A letter costs about so much of a token in Italian and English prose.
_TOKENS_PER_CHARACTER: Final = 0.27
_MESSAGE_TOKENS: Final = 4
# What an image is taken to measure whose bytes are not at hand.
UNSEEN_SIDE_PX: Final = 1024


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageTokenRule:
    """What an image costs: `base_tokens` plus `tokens_per_unit` for each unit of `unit_px` x `unit_px` pixels that is begun.

    `max_long_px` and `max_short_px`: the model shrinks an image to these sides first. `max_units`: it shrinks it further until it
    is covered by no more. `overview_units`: counted once more for an image of several units. `source`: who says so, and where.
    """

    source: str
    unit_px: int
    tokens_per_unit: float
    base_tokens: float = 0.0
    max_long_px: int | None = None
    max_short_px: int | None = None
    max_units: int | None = None
    overview_units: int = 0

    def tokens(self, width: int, height: int) -> int:
        """Return the tokens of an image of `width` x `height` pixels."""
        units = self._units(*self._shrunk(max(1, width), max(1, height)))
        return round(self.base_tokens + self.tokens_per_unit * (units + (self.overview_units if units > 1 else 0)))

    def _shrunk(self, width: int, height: int) -> tuple[float, float]:
        scale = min(1.0, (self.max_long_px or math.inf) / max(width, height))
        scale = min(scale, (self.max_short_px or math.inf) / min(width, height))
        return width * scale, height * scale

    def _units(self, width: float, height: float) -> int:
        units = self._covering(width, height)
        if self.max_units is None or units <= self.max_units:
            return units
        # As OpenAI describes it: to the area first, then until the side that fits less well is a whole number of units.
        scale = math.sqrt(self.unit_px**2 * self.max_units / (width * height))
        across, down = width * scale / self.unit_px, height * scale / self.unit_px
        scale *= min(max(1, math.floor(across)) / across, max(1, math.floor(down)) / down)
        return min(self.max_units, self._covering(width * scale, height * scale))

    def _covering(self, width: float, height: float) -> int:
        # Rounded first: 768.0000001 pixels are 768; and a side of half a pixel is one.
        return math.ceil(max(1, round(width)) / self.unit_px) * math.ceil(max(1, round(height)) / self.unit_px)


_OPENAI: Final = "OpenAI, Images and vision"
_OPENAI_USERS: Final = "usage as OpenAI's users report it; its page says otherwise or nothing"
_ANTHROPIC: Final = "Anthropic, Vision: a token for each 28 x 28 pixels"
_GOOGLE: Final = "Google, Understand and count tokens"
_GOOGLE_3: Final = "Google, Media resolution: at most so many at the default resolution, whatever the size"
_QWEN: Final = "Qwen, model card and preprocessor_config.json"
_NOT_CHECKED: Final = "not found in the maker's own words; from descriptions of the model's architecture"


def _tiles(base: float, tile: float) -> ImageTokenRule:
    return ImageTokenRule(source=_OPENAI, unit_px=512, tokens_per_unit=tile, base_tokens=base, max_long_px=2048, max_short_px=768)


def _patches(multiplier: float, *, max_units: int = 1536, source: str = _OPENAI) -> ImageTokenRule:
    return ImageTokenRule(source=source, unit_px=32, tokens_per_unit=multiplier, max_units=max_units)


def _claude(max_long_px: int, max_units: int) -> ImageTokenRule:
    return ImageTokenRule(source=_ANTHROPIC, unit_px=28, tokens_per_unit=1, max_long_px=max_long_px, max_units=max_units)


def _fixed(tokens: float, source: str) -> ImageTokenRule:
    return ImageTokenRule(source=source, unit_px=1, tokens_per_unit=0, base_tokens=tokens)


# The first expression that is found in the model's name counts.
_RULES: Final = (
    (r"gpt-4o-mini", _tiles(2833, 5667)),
    (r"gpt-5[.-][2-9]", _patches(1.2, max_units=2500, source=_OPENAI_USERS)),
    (r"gpt-(4[.-]1|5)-mini", _patches(1.62)),
    (r"gpt-(4[.-]1|5)-nano", _patches(2.46)),
    (r"o4-mini", _patches(1.72)),
    (r"\bo[13]\b", _tiles(75, 150)),
    (r"gpt-5", _tiles(70, 140)),
    (r"gpt-4", _tiles(85, 170)),
    (r"opus-4[.-][7-9]", _claude(2576, 4784)),
    (r"claude", _claude(1568, 1568)),
    (r"gemini-[3-9]", _fixed(1120, _GOOGLE_3)),
    (r"gemini", ImageTokenRule(source=_GOOGLE, unit_px=768, tokens_per_unit=258)),
    (r"gemma", _fixed(256, _NOT_CHECKED)),
    (
        r"llama-?4|maverick|scout",
        ImageTokenRule(source=_NOT_CHECKED, unit_px=336, tokens_per_unit=144, max_units=16, overview_units=1),
    ),
    (r"qwen-?3", ImageTokenRule(source=_NOT_CHECKED, unit_px=32, tokens_per_unit=1, base_tokens=2, max_units=16_384)),
    (r"qwen", ImageTokenRule(source=_QWEN, unit_px=28, tokens_per_unit=1, base_tokens=2, max_units=16_384)),
    (r"pixtral|mistral", ImageTokenRule(source=_NOT_CHECKED, unit_px=16, tokens_per_unit=1, max_long_px=1024)),
)
DEFAULT_RULE: Final = _tiles(85, 170)


def image_token_rule(model: str) -> ImageTokenRule:
    """Return the rule of the model with this name; OpenAI's tiles for a name that tells nothing."""
    return next((rule for pattern, rule in _RULES if re.search(pattern, model.lower())), DEFAULT_RULE)


def text_tokens(text: str) -> int:
    """Return about how many tokens a prompt has."""
    return _MESSAGE_TOKENS + math.ceil(len(text) * _TOKENS_PER_CHARACTER)
