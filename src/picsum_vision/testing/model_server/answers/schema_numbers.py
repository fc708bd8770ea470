"""Fills the numeric types of a JSON schema within their bounds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_DEFAULT_SPAN: Final = 10


def fill_number(schema: Mapping[str, Any], share: float) -> float:
    """Return a number that lies `share` (0 to 1) of the way between the bounds; ValueError if there is none."""
    low, high = _bound(schema, "minimum", "exclusiveMinimum"), _bound(schema, "maximum", "exclusiveMaximum")
    if low is None:
        low = min(0.0, high - 1) if high is not None else 0.0
    if high is None:
        high = max(1.0, low + 1)
    step = schema.get("multipleOf")
    if step is not None:
        return _multiple(schema, low, high, step)
    # Never on a bound itself: it may be an exclusive one.
    exact = low + min(max(share, 0.01), 0.99) * (high - low)
    rounded = round(exact, 4)
    value = rounded if low < rounded < high else exact
    if not _within(schema, value):
        raise ValueError("no number lies between its bounds")
    return value


def fill_integer(schema: Mapping[str, Any], wish: int | None, pick: Callable[[int], int]) -> int:
    """Return `wish` if the bounds allow it, else the whole number between them that `pick(count)` chooses; ValueError if none."""
    low, high = _bound(schema, "minimum", "exclusiveMinimum"), _bound(schema, "maximum", "exclusiveMaximum")
    step = schema.get("multipleOf", 1)
    if not isinstance(step, (int, float)) or isinstance(step, bool) or step <= 0 or step != int(step):
        raise ValueError("'multipleOf' of an integer must be a positive whole number")
    step = int(step)
    if low is None:
        low = 0.0 if high is None or high >= 0 else high - _DEFAULT_SPAN * step
    if high is None:
        high = low + _DEFAULT_SPAN * step
    if wish is not None and wish % step == 0 and _within(schema, wish):
        return wish
    first, last = math.ceil(low / step), math.floor(high / step)
    candidates = range(first, last + 1)
    inside = [candidates[index] * step for index in _ends(len(candidates)) if _within(schema, candidates[index] * step)]
    if not inside:
        raise ValueError("no whole number lies between its bounds")
    least, most = min(inside) // step, max(inside) // step
    return (least + pick(most - least + 1)) * step


def _ends(count: int) -> list[int]:
    """Return the indices of the two first and two last of `count` values: an exclusive bound can shut out only those."""
    return sorted({index for index in (0, 1, count - 2, count - 1) if 0 <= index < count})


def _multiple(schema: Mapping[str, Any], low: float, high: float, step: object) -> float:
    if not isinstance(step, (int, float)) or isinstance(step, bool) or step <= 0:
        raise ValueError("'multipleOf' must be a positive number")
    # One of the two ends may be our own choice, so what decides is the schema; a second candidate is for an exclusive bound.
    first, last = math.ceil(low / step), math.floor(high / step)
    value = next((k * step for k in (first, first + 1, last, last - 1) if _within(schema, k * step)), None)
    if value is None:
        raise ValueError("no multiple lies between its bounds")
    return value


def _bound(schema: Mapping[str, Any], inclusive: str, exclusive: str) -> float | None:
    given = [schema[name] for name in (inclusive, exclusive) if not isinstance(schema.get(name), (bool, type(None)))]
    if not all(isinstance(value, (int, float)) for value in given):
        raise ValueError(f"'{inclusive}' and '{exclusive}' must be numbers")
    if not given:
        return None
    return float(max(given) if inclusive == "minimum" else min(given))


def _within(schema: Mapping[str, Any], value: float) -> bool:
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    # Draft 4 writes an exclusive bound as a flag beside the bound.
    above, low = (low, None) if above is True else (above, low)
    below, high = (high, None) if below is True else (below, high)
    return (
        (low is None or value >= low)
        and (high is None or value <= high)
        and (above is None or isinstance(above, bool) or value > above)
        and (below is None or isinstance(below, bool) or value < below)
    )
