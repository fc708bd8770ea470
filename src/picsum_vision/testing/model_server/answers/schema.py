"""Fills a JSON schema with findings, so that the answer is valid against it and differs from image to image."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from picsum_vision.testing.model_server.answers.schema_numbers import fill_integer, fill_number
from picsum_vision.testing.model_server.errors import ApiError

_MAX_DEPTH: Final = 40
_MAX_VALUES: Final = 20_000
# Past these only what the schema demands is filled in, so that recursive schemas end.
_GENEROUS_DEPTH: Final = 5
_GENEROUS_VALUES: Final = 1_000
_MAX_ITEMS: Final = 3
_TRIES_FOR_UNIQUE: Final = 20
_FORMATS: Final = {
    "date": "2024-05-17",
    "time": "10:20:30Z",
    "date-time": "2024-05-17T10:20:30Z",
    "duration": "P1D",
    "email": "image@example.org",
    "hostname": "example.org",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.org/image",
    "uuid": "3f2b8c1e-5a4d-4e6f-8a7b-9c0d1e2f3a4b",
}
_SAMPLES: Final = (
    "A",
    "a",
    "abc",
    "ABC",
    "word",
    "0",
    "1",
    "12",
    "123",
    "1234",
    "12345",
    "0.5",
    "#7f7f7f",
    "en",
    "it",
    "A1",
    "a-b",
    "a_b",
)


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


def follow_schema(schema: Mapping[str, Any], findings: Findings) -> Any:
    """Return a value that is valid against `schema`; :class:`ApiError` 400 for a schema that cannot be filled."""
    return _Filler(schema, findings).fill(schema, "$", 0)


def _bad_schema(path: str, reason: str) -> ApiError:
    message = f"Invalid schema for response_format at {path}: {reason}."
    return ApiError(400, message, param="response_format", code="invalid_json_schema")


class _Filler:
    def __init__(self, root: Mapping[str, Any], findings: Findings) -> None:
        self._root = root
        self._findings = findings
        self._values = 0
        self._kinds: dict[str, Callable[[Mapping[str, Any], str, int], Any]] = {
            "object": self._object,
            "array": self._array,
            "string": self._string,
            "number": self._number,
            "integer": self._integer,
            "boolean": lambda _schema, path, _depth: bool(findings.pick(path, 2)),
            "null": lambda _schema, _path, _depth: None,
        }

    def fill(self, schema: Any, path: str, depth: int) -> Any:
        self._values += 1
        if depth > _MAX_DEPTH or self._values > _MAX_VALUES:
            raise _bad_schema(path, "it never ends")
        if isinstance(schema, bool):
            schema = {} if schema else {"type": "nothing"}
        if not isinstance(schema, Mapping):
            raise _bad_schema(path, "a schema must be an object")
        if "$ref" in schema:
            return self.fill({**self._resolve(schema["$ref"], path), **_without(schema, "$ref")}, path, depth + 1)
        if schema.get("allOf"):
            return self.fill(_merged(_without(schema, "allOf"), schema["allOf"], path), path, depth + 1)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._enum(schema["enum"], path)
        for keyword in ("anyOf", "oneOf"):
            if schema.get(keyword):
                return self._branch(schema, keyword, path, depth)
        return self._typed(schema, path, depth)

    def _typed(self, schema: Mapping[str, Any], path: str, depth: int) -> Any:
        kinds = schema.get("type") or _implied_kind(schema)
        if isinstance(kinds, Sequence) and not isinstance(kinds, str) and kinds:
            wanted = [kind for kind in kinds if kind != "null"]
            kinds = wanted[0] if wanted and not (self._sparing(depth) and "null" in kinds) else "null"
        if not isinstance(kinds, str) or kinds not in self._kinds:
            raise _bad_schema(path, "'type' must be one of " + ", ".join(self._kinds))
        return self._kinds[kinds](schema, path, depth)

    def _sparing(self, depth: int) -> bool:
        return depth > _GENEROUS_DEPTH or self._values > _GENEROUS_VALUES

    def _resolve(self, reference: object, path: str) -> Mapping[str, Any]:
        found: Any = self._root
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise _bad_schema(path, "'$ref' must point into the schema itself")
        for step in filter(None, reference[1:].split("/")):
            key = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, Mapping) or key not in found:
                raise _bad_schema(path, f"'$ref' {reference} points nowhere")
            found = found[key]
        if not isinstance(found, Mapping):
            raise _bad_schema(path, f"'$ref' {reference} points to no schema")
        return found

    def _enum(self, choices: object, path: str) -> Any:
        if not isinstance(choices, Sequence) or isinstance(choices, str) or not choices:
            raise _bad_schema(path, "'enum' must be a list with at least one value")
        # A list of choices would hold the same colour over and over.
        for word in self._findings.words[:1]:
            if word in choices and "[" not in path:
                return word
        return choices[self._findings.pick(path, len(choices))]

    def _branch(self, schema: Mapping[str, Any], keyword: str, path: str, depth: int) -> Any:
        branches = schema[keyword]
        if not isinstance(branches, Sequence) or isinstance(branches, str):
            raise _bad_schema(path, f"'{keyword}' must be a list of schemas")
        nulls = [branch for branch in branches if isinstance(branch, Mapping) and branch.get("type") == "null"]
        others = [branch for branch in branches if branch not in nulls]
        chosen = nulls[0] if nulls and (self._sparing(depth) or not others) else others[0]
        return self.fill(_merged(_without(schema, keyword), [chosen], path), path, depth + 1)

    def _object(self, schema: Mapping[str, Any], path: str, depth: int) -> dict[str, Any]:
        properties, required = schema.get("properties", {}), schema.get("required", [])
        if not isinstance(properties, Mapping) or not isinstance(required, Sequence):
            raise _bad_schema(path, "'properties' must be an object and 'required' a list")
        names = [name for name in properties if name in required or not self._sparing(depth)]
        names += [name for name in required if name not in properties]
        extra = schema.get("additionalProperties", True)
        filled = {name: self.fill(properties.get(name, extra), f"{path}.{name}", depth + 1) for name in names}
        if not properties and isinstance(extra, Mapping) and not self._sparing(depth):
            filled.update({word: self.fill(extra, f"{path}.{word}", depth + 1) for word in self._findings.words[:1]})
        return filled

    def _array(self, schema: Mapping[str, Any], path: str, depth: int) -> list[Any]:
        least, most = schema.get("minItems", 0), schema.get("maxItems", _MAX_VALUES)
        prefix = schema.get("prefixItems", [])
        if not isinstance(least, int) or not isinstance(most, int) or not isinstance(prefix, list) or least > most:
            raise _bad_schema(path, "'minItems' and 'maxItems' must be numbers in order, 'prefixItems' a list")
        spare = 0 if self._sparing(depth) else 1 + self._findings.pick(path, _MAX_ITEMS)
        count = min(max(least, spare), most)
        items: list[Any] = []
        for index in range(count * (_TRIES_FOR_UNIQUE if schema.get("uniqueItems") else 1)):
            if len(items) == count:
                break
            item_schema = prefix[len(items)] if len(items) < len(prefix) else schema.get("items", True)
            item = self.fill(item_schema, f"{path}[{index}]", depth + 1)
            if not (schema.get("uniqueItems") and item in items):
                items.append(item)
        if len(items) < least:
            raise _bad_schema(path, f"cannot find {least} different items")
        return items

    def _string(self, schema: Mapping[str, Any], path: str, _depth: int) -> str:
        least, most = schema.get("minLength", 0), schema.get("maxLength", _MAX_VALUES)
        if not isinstance(least, int) or not isinstance(most, int) or least > min(most, _MAX_VALUES):
            raise _bad_schema(path, "'minLength' and 'maxLength' must be numbers in order")
        if schema.get("format") in _FORMATS:
            return _FORMATS[schema["format"]]
        candidates = [self._text(path), *self._findings.words, *_SAMPLES]
        if "pattern" in schema:
            candidates = [text for text in candidates if least <= len(text) <= most and _matches(schema["pattern"], text, path)]
            if not candidates:
                raise _bad_schema(path, "this server has no text that fits the 'pattern'")
            return candidates[0]
        return candidates[0][:most].ljust(least, ".")

    def _text(self, path: str) -> str:
        words = self._findings.words
        in_list = re.search(r"\[(\d+)\]$", path)
        if in_list is None or not words:
            return self._findings.text
        turn, index = divmod(int(in_list[1]), len(words))
        return f"{words[index]} {turn + 1}" if turn else words[index]

    def _number(self, schema: Mapping[str, Any], path: str, _depth: int) -> float:
        try:
            return fill_number(schema, self._findings.share)
        except ValueError as error:
            raise _bad_schema(path, str(error)) from error

    def _integer(self, schema: Mapping[str, Any], path: str, _depth: int) -> int:
        wish = self._findings.sizes.get(path.rpartition(".")[2])
        try:
            return fill_integer(schema, wish, lambda count: self._findings.pick(path, count))
        except ValueError as error:
            raise _bad_schema(path, str(error)) from error


def _without(schema: Mapping[str, Any], keyword: str) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != keyword}


def _implied_kind(schema: Mapping[str, Any]) -> str:
    if schema.keys() & {"properties", "required", "additionalProperties"}:
        return "object"
    if schema.keys() & {"items", "prefixItems", "minItems"}:
        return "array"
    return "number" if schema.keys() & {"minimum", "maximum", "multipleOf"} else "string"


def _merged(schema: dict[str, Any], others: object, path: str) -> dict[str, Any]:
    """Join schemas that must all hold: their properties and required names add up, other keywords of later ones win."""
    if not isinstance(others, Sequence) or not all(isinstance(other, Mapping) for other in others):
        raise _bad_schema(path, "a combined schema must be a list of objects")
    result = dict(schema)
    for other in others:
        properties = {**result.get("properties", {}), **other.get("properties", {})}
        required = list(dict.fromkeys([*result.get("required", []), *other.get("required", [])]))
        result.update(other)
        result.update({key: value for key, value in (("properties", properties), ("required", required)) if value})
    return result


def _matches(pattern: object, text: str, path: str) -> bool:
    try:
        return re.search(str(pattern), text) is not None
    except re.error as error:
        raise _bad_schema(path, "'pattern' is no regular expression") from error
