"""What an answer reads like, and the labels in it, whatever the task was."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final, NoReturn

_LABEL_CHARACTERS: Final = 60
_LABELS_AN_ANSWER: Final = 40
# More than any type that can be asked for; what is said of an answer below calls itself once for each.
_MOST_LEVELS: Final = 50
# Their answer is one word of few.
_LABELLING_TASKS: Final = frozenset({"classify", "sentiment"})


def typed(text: str | None) -> Any:
    """Return the object or list that a typed answer's JSON text holds, None for free text.

    Free text is also what Python alone reads as JSON, for the page's script could not, and what no answer's type is as deep as.
    """
    if not text or text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        answer = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return None if _is_too_deep(answer) else answer


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _is_too_deep(answer: Any) -> bool:
    level = [answer]
    for _ in range(_MOST_LEVELS):
        level = [value for each in level for value in _values(each)]
        if not level:
            return False
    return True


def _values(answer: Any) -> Iterable[Any]:
    if isinstance(answer, dict):
        return answer.values()
    return answer if isinstance(answer, list) else ()


def readable(answer: Any) -> str:
    """Return a typed answer as a person would say it: `a, b` for a list, `colour: red; people: 2` for an object."""
    if isinstance(answer, dict):
        return "; ".join(f"{name}: {readable(value)}" for name, value in answer.items() if value not in (None, "", [], {}))
    if isinstance(answer, list):
        return ", ".join(readable(value) for value in answer)
    return answer if isinstance(answer, str) else json.dumps(answer)


def labels(text: str | None, task: str | None) -> list[str]:
    """Return what the row can be filtered by, each once: the word of a classification, the entries of a list, short fields."""
    if not text:
        return []
    answer = typed(text)
    found = _short_values(answer) if answer is not None else iter([text] if task in _LABELLING_TASKS else [])
    short = (label.strip() for label in found)
    return list(dict.fromkeys(label for label in short if 0 < len(label) <= _LABEL_CHARACTERS))[:_LABELS_AN_ANSWER]


def _short_values(answer: Any, name: str = "") -> Iterator[str]:
    if isinstance(answer, dict):
        for key, value in answer.items():
            yield from _short_values(value, f"{key}: ")
    elif isinstance(answer, list):
        for value in answer:
            yield from _short_values(value, name)
    elif isinstance(answer, (str, bool)):
        yield f"{name}{answer if isinstance(answer, str) else json.dumps(answer)}"
