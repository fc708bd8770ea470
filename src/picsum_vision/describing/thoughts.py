"""What a reasoning model writes before its answer, where its server does not take it away."""

from __future__ import annotations

import re
from typing import Final

# Without its end it goes on to the end: the model was cut off while it thought.
_THOUGHTS: Final = re.compile(r"\s*<(think|thinking)>.*?(</\1>|\Z)\s*", re.DOTALL | re.IGNORECASE)
# Templates that open the thoughts in the prompt (DeepSeek R1, Qwen's Thinking models) leave their end alone in the answer.
_BEGINNING: Final = re.compile(r"<think(?:ing)?>", re.IGNORECASE)
_END_ALONE: Final = re.compile(r".*</think(?:ing)?>\s*", re.DOTALL | re.IGNORECASE)


def without_thoughts(text: str) -> str:
    """Return the text without a block `<think>...</think>` at its beginning, or with its end alone."""
    found = _THOUGHTS.match(text) or (None if _BEGINNING.search(text) else _END_ALONE.match(text))
    return text if found is None else text[found.end() :]
