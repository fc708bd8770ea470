"""JSON inside of what a model wrote: alone, in a code fence, or among words."""

from __future__ import annotations

import json
import re
from typing import Any

_FENCE = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL | re.IGNORECASE)


def find_json(text: str) -> Any:
    """Return the JSON value that `text` is or holds, None if there is none."""
    candidates = [text, *_FENCE.findall(text)]
    for candidate in candidates:
        try:
            return json.loads(candidate)
        except (ValueError, RecursionError):  # noqa: PERF203 - each candidate on its own
            continue
    return _first_inside(text)


def _first_inside(text: str) -> Any:
    decoder = json.JSONDecoder()
    for match in re.finditer(r"[{\[]", text):
        try:
            return decoder.raw_decode(text, match.start())[0]
        except (ValueError, RecursionError):  # noqa: PERF203 - each candidate on its own
            continue
    return None
