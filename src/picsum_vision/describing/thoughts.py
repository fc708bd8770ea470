"""What a reasoning model writes before its answer, where its server does not take it away."""

from __future__ import annotations

import re
from typing import Final

# Without its end it goes on to the end: the model was cut off while it thought.
_THOUGHTS: Final = re.compile(r"\s*<(think|thinking)>.*?(</\1>|\Z)\s*", re.DOTALL | re.IGNORECASE)


def without_thoughts(text: str) -> str:
    """Return the text without a block `<think>...</think>` at its beginning."""
    found = _THOUGHTS.match(text)
    return text if found is None else text[found.end() :]
