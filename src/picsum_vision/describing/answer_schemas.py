"""From what users write a schema in (DDL, a Spark StructType, a pydantic model) to an answer's type."""

from __future__ import annotations

import re
from typing import Any, Final

from picsum_vision.describing.answer_types import BOUND_WORDS, AnswerField, AnswerType
from picsum_vision.errors import SettingError

_ALLOWED: Final = "a Spark StructType, a DDL string like 'colour STRING, people INT', or a pydantic model"
_SCALARS: Final = {
    "STRING": "STRING", "VARCHAR": "STRING", "CHAR": "STRING", "BOOLEAN": "BOOLEAN", "TINYINT": "TINYINT", "BYTE": "TINYINT",
    "SMALLINT": "SMALLINT", "SHORT": "SMALLINT", "INT": "INT", "INTEGER": "INT", "BIGINT": "BIGINT", "LONG": "BIGINT",
    "FLOAT": "FLOAT",
    "REAL": "FLOAT", "DOUBLE": "DOUBLE", "DECIMAL": "DECIMAL", "DEC": "DECIMAL", "NUMERIC": "DECIMAL", "DATE": "DATE",
    "TIMESTAMP": "TIMESTAMP", "TIMESTAMP_LTZ": "TIMESTAMP",
}  # fmt: skip
_TOKEN: Final = re.compile(r"\s*(?:(`(?:[^`]|``)+`)|([\w\-]+)|('(?:[^'\\]|\\.|'')*')|([<>(),:]))")
_JSON_SCALARS: Final = {"string": "STRING", "integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN"}
_JSON_NAMES: Final = {str: "string", int: "integer", float: "number", bool: "boolean"}
_DECIMAL: Final = "decimal"
# The most digits that SQL has, half of them behind the point.
_DECIMAL_DIGITS: Final = 38
_DECIMAL_PLACES: Final = 18
_JSON_FORMATS: Final = {"date": "DATE", "date-time": "TIMESTAMP"}


def answer_type(schema: Any) -> AnswerType:
    """Return the type of the object that `schema` describes; raises SettingError."""
    if isinstance(schema, AnswerType):
        return schema
    if isinstance(schema, str):
        return _Ddl(schema).struct()
    if hasattr(schema, "jsonValue"):  # Spark's, without importing Spark
        found = _from_spark(schema.jsonValue())
    else:
        describe = getattr(schema, "model_json_schema", None) or getattr(schema, "schema", None)
        if not isinstance(schema, type) or describe is None:
            raise SettingError(f"schema: {type(schema).__name__} is not allowed; it must be {_ALLOWED}")
        whole = describe()
        found = _from_json(whole, whole.get("$defs", whole.get("definitions", {})))
    if found.kind != "STRUCT" or not found.fields:
        raise SettingError(f"schema: {found.ddl} is not allowed; it must have at least one named field")
    return found


class _Ddl:
    """Reads DDL, word by word."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._words: list[str] = []
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                raise self._wrong(text[at : at + 20].strip())
            self._words.append(match.group().strip())
            at = match.end()

    def struct(self) -> AnswerType:
        if self._upper(0) == "STRUCT" and self._upper(1) == "<":
            found = self._type()
        else:
            found = AnswerType(kind="STRUCT", fields=self._fields(end=""))
        if self._words:
            raise self._wrong(self._words[0])
        return found

    def _fields(self, end: str) -> tuple[AnswerField, ...]:
        fields: list[AnswerField] = []
        while True:
            fields.append(self._field())
            if self._upper(0) != ",":
                break
            self._next()
        names = [field.name.lower() for field in fields]
        if end:
            self._expect(end)
        if len(set(names)) != len(names):
            raise SettingError(f"schema: {self._text!r} is not allowed; it has a field twice")
        return tuple(fields)

    def _field(self) -> AnswerField:
        name = self._next()
        if not (name[0] == "`" or re.fullmatch(r"[\w\-]+", name)):
            raise self._wrong(name)
        if self._upper(0) == ":":
            self._next()
        kind, nullable, description = self._type(), True, None
        if self._upper(0) == "NOT":
            self._next()
            self._expect("NULL")
            nullable = False
        if self._upper(0) == "COMMENT":
            self._next()
            description = self._next()[1:-1].replace("''", "'").replace("\\'", "'")
        return AnswerField(name[1:-1].replace("``", "`") if name[0] == "`" else name, kind, nullable, description)

    def _type(self) -> AnswerType:
        word = self._next()
        kind = word.upper()
        if kind == "STRUCT":
            self._expect("<")
            return AnswerType(kind="STRUCT", fields=self._fields(end=">"))
        if kind in ("ARRAY", "MAP"):
            self._expect("<")
            if kind == "MAP":
                if self._next().upper() != "STRING":
                    raise self._wrong("a MAP whose key is no STRING")
                self._expect(",")
            element = self._type()
            self._expect(">")
            return AnswerType(kind=kind, element=element)
        if kind not in _SCALARS:
            raise self._wrong(word)
        numbers = self._numbers()
        if _SCALARS[kind] != "DECIMAL":
            return AnswerType(kind=_SCALARS[kind])
        return AnswerType(kind="DECIMAL", precision=numbers[0] if numbers else 10, scale=numbers[1] if len(numbers) > 1 else 0)

    def _numbers(self) -> list[int]:
        if self._upper(0) != "(":
            return []
        self._next()
        numbers = []
        while (word := self._next()) != ")":
            if word != ",":
                if not word.isdigit():
                    raise self._wrong(word)
                numbers.append(int(word))
        return numbers

    def _upper(self, index: int) -> str:
        return self._words[index].upper() if len(self._words) > index else ""

    def _next(self) -> str:
        if not self._words:
            raise self._wrong("its end")
        return self._words.pop(0)

    def _expect(self, word: str) -> None:
        found = self._next()
        if found.upper() != word:
            raise self._wrong(found)

    def _wrong(self, what: str) -> SettingError:
        return SettingError(f"schema: {self._text!r} is not allowed at {what!r}; it must be {_ALLOWED}")


def _from_spark(kind: Any) -> AnswerType:
    if isinstance(kind, str):
        decimal = re.fullmatch(r"decimal\((\d+),(-?\d+)\)", kind)
        if decimal:
            return AnswerType(kind="DECIMAL", precision=int(decimal[1]), scale=int(decimal[2]))
        word = kind.partition("(")[0].upper()
        if word not in _SCALARS:
            raise SettingError(
                f"schema: the type {kind} is not allowed; a model can give texts, numbers, dates, lists and objects"
            )
        return AnswerType(kind=_SCALARS[word])
    if kind["type"] == "struct":
        fields = (
            AnswerField(field["name"], _from_spark(field["type"]), field["nullable"], field.get("metadata", {}).get("comment"))
            for field in kind["fields"]
        )
        return AnswerType(kind="STRUCT", fields=tuple(fields))
    if kind["type"] == "array":
        return AnswerType(kind="ARRAY", element=_from_spark(kind["elementType"]), element_nullable=kind["containsNull"])
    if kind["type"] == "map" and kind["keyType"] == "string":
        return AnswerType(kind="MAP", element=_from_spark(kind["valueType"]), element_nullable=kind["valueContainsNull"])
    raise SettingError(
        f"schema: the type {kind['type']} is not allowed; a model can give texts, numbers, dates, lists and objects"
    )


def _from_json(schema: dict[str, Any], definitions: dict[str, Any]) -> AnswerType:
    schema = _resolved(schema, definitions)
    kind = schema.get("type")
    if kind == "object" and schema.get("properties"):
        required = schema.get("required", [])
        fields = (
            _json_field(name, field, definitions, required=name in required) for name, field in schema["properties"].items()
        )
        return AnswerType(kind="STRUCT", fields=tuple(fields))
    bounds = tuple(
        (word, tuple(value) if isinstance(value, list) else value) for word, value in schema.items() if word in BOUND_WORDS
    )
    if kind == "array":
        items, nullable = _one_kind(schema.get("items", {}), "a list's entries")
        return AnswerType(kind="ARRAY", element=_from_json(items, definitions), bounds=bounds, element_nullable=nullable)
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        values, nullable = _one_kind(schema["additionalProperties"], "a map's values")
        return AnswerType(kind="MAP", element=_from_json(values, definitions), element_nullable=nullable)
    if kind is None and schema.get("enum") and all(isinstance(value, str) for value in schema["enum"]):
        kind = "string"
    if kind not in _JSON_SCALARS:
        raise SettingError(
            f"schema: a field of the kind {kind or schema} has no SQL type; use texts, numbers, dates, lists and objects"
        )
    if schema.get("format") == _DECIMAL:
        return AnswerType(kind="DECIMAL", precision=_DECIMAL_DIGITS, scale=_DECIMAL_PLACES, bounds=bounds)
    return AnswerType(kind=_JSON_FORMATS.get(schema.get("format", ""), _JSON_SCALARS[kind]), bounds=bounds)


def _json_field(name: str, schema: dict[str, Any], definitions: dict[str, Any], *, required: bool) -> AnswerField:
    real, nullable = _one_kind(schema, f"the field {name!r}")
    description = schema.get("description", real.get("description"))
    return AnswerField(name, _from_json(real, definitions), nullable or not required, description)


def _one_kind(schema: dict[str, Any], what: str) -> tuple[dict[str, Any], bool]:
    """Return the schema without null, and whether it may be null."""
    options = schema.get("anyOf", [schema])
    real = [option for option in options if option.get("type") != "null"]
    if sorted(str(option.get("type")) for option in real) == ["number", "string"]:
        # So pydantic writes a Decimal, which may come as either.
        real = [{**option, "format": _DECIMAL} for option in real if option["type"] == "number"]
    if len(real) != 1:
        raise SettingError(f"schema: {what} may be of several types; a column has one")
    return real[0], any(option.get("type") == "null" for option in options)


def _resolved(schema: dict[str, Any], definitions: dict[str, Any], depth: int = 0) -> dict[str, Any]:
    if "allOf" in schema and len(schema["allOf"]) == 1:
        schema = {**schema["allOf"][0], **{word: value for word, value in schema.items() if word != "allOf"}}
    if "const" in schema:
        return {"type": _JSON_NAMES.get(type(schema["const"])), "enum": [schema["const"]]}
    if "$ref" not in schema:
        return schema
    if depth > len(definitions):
        raise SettingError("schema: a model that contains itself has no SQL type")
    found: dict[str, Any] = _resolved(definitions[schema["$ref"].rpartition("/")[2]], definitions, depth + 1)
    return found
