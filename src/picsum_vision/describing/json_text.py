"""JSON inside of what a model wrote: alone, in a code fence, or among words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from picsum_vision.describing.thoughts import without_thoughts

_FENCE: Final = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL | re.IGNORECASE)
_STRING: Final = r'"(?:[^"\\]|\\.)*"'
# Where an object or a list of texts or objects may begin: not every bracket in a sentence does.
_OPENING: Final = re.compile(r'\{(?=\s*["}])|\[(?=\s*["{\]])')
_BRACKET: Final = re.compile(rf"{_STRING}|[{{}}\[\]]", re.DOTALL)
_NEEDLESS_COMMA: Final = re.compile(rf"({_STRING})|,(?=\s*[}}\]])", re.DOTALL)
# What has more of them that lead to nothing is no answer.
_OPENINGS_AT_MOST: Final = 64


def find_json(text: str) -> Any:
    """Return the JSON value that `text` is or holds, None if there is none; of several the first object."""
    text = without_thoughts(text)
    for candidate in (text, *_FENCE.findall(text)):
        try:
            return json.loads(candidate)
        except (ValueError, RecursionError):  # noqa: PERF203 - each candidate on its own
            continue
    values = list(_values_inside(text))
    return next((value for value in values if isinstance(value, dict)), values[0] if values else None)


def _values_inside(text: str) -> Iterator[Any]:
    """Give the objects and lists in the text that lie in no other.

    What lies in one that is broken is not what was asked for, so that one is passed over as a whole.
    """
    decoder, at = json.JSONDecoder(), 0
    for _ in range(_OPENINGS_AT_MOST):
        opening = _OPENING.search(text, at)
        if opening is None:
            return
        try:
            value, at = decoder.raw_decode(text, opening.start())
        except (ValueError, RecursionError):
            end = _end(text, opening.start())
            if end is None:
                return
            value, at = _repaired(text[opening.start() : end]), end
        if value is not None:
            yield value


def _end(text: str, start: int) -> int | None:
    """Return where what the bracket at `start` opens is closed, None if it never is."""
    depth = 0
    for bracket in _BRACKET.finditer(text, start):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(bracket[0], 0)
        if depth == 0:
            return bracket.end()
    return None


def _repaired(text: str) -> Any:
    """Return the value of JSON that has a comma behind its last entry, None for what is broken otherwise."""
    try:
        return json.loads(_NEEDLESS_COMMA.sub(lambda found: found[1] or "", text))
    except (ValueError, RecursionError):
        return None
