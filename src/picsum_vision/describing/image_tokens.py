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
    """What an image costs: `base_tokens` plus `tokens_per_unit` for each unit of `unit_px` x `unit_px` pixels.

    `max_long_px` and `max_short_px`: the model shrinks an image to these sides first. `whole_units`: a unit that is begun
    counts whole. `max_units`: the model shrinks until no more are needed. `overview_units`: counted once more for an image of
    several units.
    """

    unit_px: float
    tokens_per_unit: float
    base_tokens: float = 0.0
    max_long_px: int | None = None
    max_short_px: int | None = None
    max_units: int | None = None
    whole_units: bool = True
    overview_units: int = 0

    def tokens(self, width: int, height: int) -> int:
        """Return the tokens of an image of `width` x `height` pixels."""
        wide, high = self._shrunk(max(1, width), max(1, height))
        if self.whole_units:
            # Rounded first: 768.0000001 pixels are 768.
            units: float = math.ceil(round(wide) / self.unit_px) * math.ceil(round(high) / self.unit_px)
        else:
            units = wide * high / self.unit_px**2
        units = units if self.max_units is None else min(units, self.max_units)
        return round(self.base_tokens + self.tokens_per_unit * (units + (self.overview_units if units > 1 else 0)))

    def _shrunk(self, width: int, height: int) -> tuple[float, float]:
        scale = min(1.0, (self.max_long_px or math.inf) / max(width, height))
        scale = min(scale, (self.max_short_px or math.inf) / min(width, height))
        return width * scale, height * scale


def _tiles(base: float, tile: float) -> ImageTokenRule:
    return ImageTokenRule(unit_px=512, tokens_per_unit=tile, base_tokens=base, max_long_px=2048, max_short_px=768)


def _patches(multiplier: float) -> ImageTokenRule:
    return ImageTokenRule(unit_px=32, tokens_per_unit=multiplier, max_units=1536)


# Sources: OpenAI "Images and vision" (tiles of 512, patches of 32), Anthropic "Vision" (pixels / 750, longest side 1568),
# Google "Understand and count tokens" (tiles of 768), Meta's Llama 4 and Qwen2.5-VL model cards (144 a tile of 336; patches of
# 28). The first expression that is found in the model's name counts.
_RULES: Final = (
    (r"gpt-4o-mini", _tiles(2833, 5667)),
    (r"gpt-(4\.1|5)-mini", _patches(1.62)),
    (r"gpt-(4\.1|5)-nano", _patches(2.46)),
    (r"o4-mini", _patches(1.72)),
    (r"\bo[13]\b", _tiles(75, 150)),
    (r"gpt-5", _tiles(70, 140)),
    (r"gpt-4", _tiles(85, 170)),
    (r"claude", ImageTokenRule(unit_px=math.sqrt(750), tokens_per_unit=1, max_long_px=1568, max_units=1600, whole_units=False)),
    (r"gemini|gemma", ImageTokenRule(unit_px=768, tokens_per_unit=258)),
    (r"llama-?4|maverick|scout", ImageTokenRule(unit_px=336, tokens_per_unit=144, max_units=16, overview_units=1)),
    (r"qwen", ImageTokenRule(unit_px=28, tokens_per_unit=1, base_tokens=2, max_units=16_384)),
    (r"pixtral|mistral", ImageTokenRule(unit_px=16, tokens_per_unit=1, max_long_px=1024)),
)
DEFAULT_RULE: Final = _tiles(85, 170)


def image_token_rule(model: str) -> ImageTokenRule:
    """Return the rule of the model with this name; OpenAI's tiles for a name that tells nothing."""
    return next((rule for pattern, rule in _RULES if re.search(pattern, model.lower())), DEFAULT_RULE)


def text_tokens(text: str) -> int:
    """Return about how many tokens a prompt has."""
    return _MESSAGE_TOKENS + math.ceil(len(text) * _TOKENS_PER_CHARACTER)
