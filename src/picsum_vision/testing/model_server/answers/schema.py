"""Fills the JSON schemas that the library's tasks send, so that the answer is valid and differs from image to image.

Understood are objects with `properties` or with `additionalProperties`, arrays, `enum`, nullable types, numbers and texts with
bounds, dates; nothing else, such as `$ref`, `anyOf` or `pattern`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from picsum_vision.testing.model_server.errors import ApiError

_NOT_FILLED: Final = frozenset({"$ref", "allOf", "anyOf", "oneOf", "pattern", "multipleOf", "uniqueItems"})
_MAX_DEPTH: Final = 40
_MAX_ITEMS: Final = 3
_SPAN: Final = 10
_FORMATS: Final = {"date": "2024-05-17", "date-time": "2024-05-17T10:20:30Z"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Findings:
    """What a structured answer is made of.

    `text` describes the images, `words` are single words about them, `share` a measure from 0 to 1, `sizes` pixels by field name,
    and `digest` identifies the images: every free choice is drawn from it.
    """

    text: str
    words: tuple[str, ...]
    digest: str
    share: float
    sizes: Mapping[str, int]

    def pick(self, path: str, count: int) -> int:
        """Choose one of `count` possibilities for the field at `path`; the same images choose the same."""
        return int.from_bytes(hashlib.sha256(f"{self.digest}{path}".encode("utf-8", "surrogatepass")).digest()[:8], "big") % count


def follow_schema(schema: Any, findings: Findings, path: str = "$", word: str | None = None) -> Any:
    """Return a value that is valid against `schema`; :class:`ApiError` 400 for a schema that cannot be filled.

    `path` is where the value stands in the answer, and `word` the text that an item of a list has.
    """
    if not isinstance(schema, Mapping) or path.count(".") + path.count("[") > _MAX_DEPTH:
        raise _bad_schema(path, "a schema must be an object, and not too deep")
    if left := _NOT_FILLED & schema.keys():
        raise _bad_schema(path, f"this server does not understand {', '.join(sorted(left))}")
    if "enum" in schema:
        return _choice(schema["enum"], findings, path)
    kinds = schema.get("type")
    kind = next((each for each in kinds if each != "null"), "null") if isinstance(kinds, list) else kinds
    if not isinstance(kind, str) or kind not in _KINDS:
        raise _bad_schema(path, f"'type' must be one of {', '.join(_KINDS)}")
    return _KINDS[kind](schema, findings, path, word)


def _bad_schema(path: str, reason: str) -> ApiError:
    message = f"Invalid schema for response_format at {path}: {reason}."
    return ApiError(400, message, param="response_format", code="invalid_json_schema")


def _choice(choices: Any, findings: Findings, path: str) -> Any:
    if not isinstance(choices, list) or not choices:
        raise _bad_schema(path, "'enum' must be a list with at least one value")
    # A list of choices would hold the same colour over and over.
    dominant = [word for word in findings.words[:1] if word in choices and "[" not in path]
    return dominant[0] if dominant else choices[findings.pick(path, len(choices))]


def _object(schema: Mapping[str, Any], findings: Findings, path: str, _word: str | None) -> dict[str, Any]:
    properties, extra = schema.get("properties", {}), schema.get("additionalProperties")
    if not isinstance(properties, Mapping):
        raise _bad_schema(path, "'properties' must be an object")
    if not properties and isinstance(extra, Mapping):
        properties = dict.fromkeys(findings.words[:1], extra)
    return {name: follow_schema(inner, findings, f"{path}.{name}") for name, inner in properties.items()}


def _array(schema: Mapping[str, Any], findings: Findings, path: str, _word: str | None) -> list[Any]:
    least, most = schema.get("minItems", 0), schema.get("maxItems", math.inf)
    count = min(max(least, 1 + findings.pick(path, _MAX_ITEMS)), most)
    words = findings.words or (findings.text,)
    return [follow_schema(schema.get("items"), findings, f"{path}[{index}]", words[index % len(words)]) for index in range(count)]


def _string(schema: Mapping[str, Any], findings: Findings, path: str, word: str | None) -> str:
    text = findings.text if word is None else word
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    if most is not None and least > most:
        raise _bad_schema(path, "'minLength' and 'maxLength' must be in order")
    return _FORMATS.get(schema.get("format", ""), text[:most].ljust(least, "."))


def _number(schema: Mapping[str, Any], findings: Findings, path: str, _word: str | None) -> float:
    is_whole = "integer" in schema["type"]
    step = 1 if is_whole else 1e-9
    given_low = [schema["minimum"]] if "minimum" in schema else []
    given_low += [schema["exclusiveMinimum"] + step] if "exclusiveMinimum" in schema else []
    given_high = [schema["maximum"]] if "maximum" in schema else []
    given_high += [schema["exclusiveMaximum"] - step] if "exclusiveMaximum" in schema else []
    span = _SPAN if is_whole else 1
    low = max(given_low, default=min(0, min(given_high, default=span) - span))
    high = min(given_high, default=max(low, 0) + span)
    if is_whole:
        low, high = math.ceil(low), math.floor(high)
    if low > high:
        raise _bad_schema(path, "no number lies between its bounds")
    if not is_whole:
        return float(low + findings.share * (high - low))
    wish = findings.sizes.get(path.rpartition(".")[2])
    fits = wish is not None and max(given_low, default=wish) <= wish <= min(given_high, default=wish)
    return wish if wish is not None and fits else int(low) + findings.pick(path, int(high - low) + 1)


_KINDS: Final[dict[str, Callable[[Mapping[str, Any], Findings, str, str | None], Any]]] = {
    "object": _object,
    "array": _array,
    "string": _string,
    "number": _number,
    "integer": _number,
    "boolean": lambda _schema, findings, path, _word: bool(findings.pick(path, 2)),
    "null": lambda *_: None,
}
