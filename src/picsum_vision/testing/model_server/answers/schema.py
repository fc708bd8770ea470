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
_MAX_ITEMS: Final = 3
_FORMATS: Final = {"date": "2024-05-17", "date-time": "2024-05-17T10:20:30Z"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Findings:
    """What a structured answer is made of.

    `text` describes the images, `words` are single words about them, `share` a measure from 0 to 1, and `digest` identifies the
    images: every free choice is drawn from it.
    """

    text: str
    words: tuple[str, ...]
    digest: str
    share: float

    def pick(self, path: str, count: int) -> int:
        """Choose one of `count` possibilities for the field at `path`; the same images choose the same."""
        return int.from_bytes(hashlib.sha256(f"{self.digest}{path}".encode("utf-8", "surrogatepass")).digest()[:8], "big") % count


def follow_schema(schema: Any, findings: Findings, path: str = "$", word: str | None = None) -> Any:
    """Return a value that is valid against `schema`; :class:`ApiError` 400 for a schema that cannot be filled.

    `path` is where the value stands in the answer, and `word` the text that an item of a list has.
    """
    if not isinstance(schema, Mapping) or _NOT_FILLED & schema.keys():
        raise _bad_schema(path)
    if schema.get("enum"):
        choices: list[Any] = schema["enum"]
        # A list of choices would hold the same colour over and over.
        dominant = [each for each in findings.words[:1] if each in choices and "[" not in path]
        return dominant[0] if dominant else choices[findings.pick(path, len(choices))]
    kinds = schema.get("type")
    kind = next((each for each in kinds if each != "null"), "null") if isinstance(kinds, list) else kinds
    if kind not in _KINDS or "enum" in schema:
        raise _bad_schema(path)
    return _KINDS[kind](schema, findings, path, word)


def _bad_schema(path: str) -> ApiError:
    message = f"Invalid schema for response_format at {path}: this server cannot fill it."
    return ApiError(400, message, param="response_format", code="invalid_json_schema")


def _object(schema: Mapping[str, Any], findings: Findings, path: str, _word: str | None) -> dict[str, Any]:
    properties, extra = schema.get("properties", {}), schema.get("additionalProperties")
    if not properties and isinstance(extra, Mapping):
        properties = dict.fromkeys(findings.words[:1], extra)
    return {name: follow_schema(inner, findings, f"{path}.{name}") for name, inner in properties.items()}


def _array(schema: Mapping[str, Any], findings: Findings, path: str, _word: str | None) -> list[Any]:
    least, most = schema.get("minItems", 0), schema.get("maxItems", math.inf)
    count = min(max(least, 1 + findings.pick(path, _MAX_ITEMS)), most)
    words = findings.words or (findings.text,)
    return [follow_schema(schema.get("items"), findings, f"{path}[{index}]", words[index % len(words)]) for index in range(count)]


def _string(schema: Mapping[str, Any], findings: Findings, _path: str, word: str | None) -> str:
    text = findings.text if word is None else word
    return _FORMATS.get(schema.get("format", ""), text[: schema.get("maxLength")].ljust(schema.get("minLength", 0), "."))


def _number(schema: Mapping[str, Any], findings: Findings, path: str, _word: str | None) -> float:
    is_whole = "integer" in schema["type"]
    step, span = (1.0, 10.0) if is_whole else (1e-9, 1.0)
    low = max(schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf) + step)
    high = min(schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf) - step)
    low = min(0.0, high - span) if low == -math.inf else low
    high = max(low, 0.0) + span if high == math.inf else high
    if is_whole:
        low, high = math.ceil(low), math.floor(high)
    if low > high:
        raise _bad_schema(path)
    return low + findings.pick(path, int(high - low) + 1) if is_whole else float(low + findings.share * (high - low))


_KINDS: Final[dict[Any, Callable[[Mapping[str, Any], Findings, str, str | None], Any]]] = {
    "object": _object,
    "array": _array,
    "string": _string,
    "number": _number,
    "integer": _number,
    "boolean": lambda _schema, findings, path, _word: bool(findings.pick(path, 2)),
    "null": lambda *_: None,
}
