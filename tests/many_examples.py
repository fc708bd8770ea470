"""How many examples of a property that needs real sockets for each: a few by default, many where there is time."""

from __future__ import annotations

import os
from typing import Final

from hypothesis import settings

_SHARE: Final = 1 if os.environ.get("PICSUM_VISION_THOROUGH") else 4


def many_examples(number: int) -> settings:
    """Try so many with PICSUM_VISION_THOROUGH set, a quarter of them without."""
    return settings(max_examples=number // _SHARE)
