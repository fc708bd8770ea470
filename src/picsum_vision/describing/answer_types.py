"""The type of a structured answer, as SQL writes it, as JSON Schema writes it, and as a check of what a model wrote."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import math
import re
from collections.abc import Callable
from typing import Any, Final

from picsum_vision.errors import SettingError

_INTEGER_BITS: Final = {"TINYINT": 8, "SMALLINT": 16, "INT": 32, "BIGINT": 64}
_JSON_KINDS: Final = {
    "STRING": "string", "BOOLEAN": "boolean", "FLOAT": "number", "DOUBLE": "number", "DECIMAL": "number", "DATE": "string",
    "TIMESTAMP": "string", **dict.fromkeys(_INTEGER_BITS, "integer"),
}  # fmt: skip
_FLOAT_AT_MOST: Final = 3.4028234e38
_DECIMAL_DIGITS_AT_MOST: Final = 38
_FORMATS: Final = {"DATE": "date", "TIMESTAMP": "date-time"}
_TRUE_WORDS: Final = frozenset({"true", "yes", "sì", "si", "vero"})
_FALSE_WORDS: Final = frozenset({"false", "no", "falso"})


class WrongType(Exception):  # noqa: N818 - becomes the outcome `bad_schema`
    """A value is not of its type; the message says where and why."""


@dataclasses.dataclass(frozen=True)
class AnswerField:
    """One field of an object."""

    name: str
    type: AnswerType
    nullable: bool = True
    description: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class AnswerType:
    """A SQL type: `kind` is its first word. `bounds` are JSON Schema's own keywords (`minimum`, `enum`, `pattern`, ...).

    `element_nullable`: an entry of a list or map may be null. None is asked for, for a list can do without;
    it is read if it comes.
    """

    kind: str
    fields: tuple[AnswerField, ...] = ()
    element: AnswerType | None = None
    precision: int = 10
    scale: int = 0
    bounds: tuple[tuple[str, Any], ...] = ()
    element_nullable: bool = True

    def __post_init__(self) -> None:
        """Refuse what no column can be."""
        if self.kind == "DECIMAL" and not 0 <= self.scale <= self.precision <= _DECIMAL_DIGITS_AT_MOST:
            told = f"DECIMAL({self.precision},{self.scale}) is not allowed; it has at most {_DECIMAL_DIGITS_AT_MOST} digits"
            raise SettingError(f"schema: {told}, and no more of them behind the point")

    @property
    def ddl(self) -> str:
        """The type as SQL writes it."""
        if self.kind == "STRUCT":
            fields = (f"`{field.name.replace('`', '``')}`: {field.type.ddl}" for field in self.fields)
            return f"STRUCT<{', '.join(fields)}>"
        if self.element is not None:
            return f"ARRAY<{self.element.ddl}>" if self.kind == "ARRAY" else f"MAP<STRING, {self.element.ddl}>"
        return f"DECIMAL({self.precision},{self.scale})" if self.kind == "DECIMAL" else self.kind

    def json_schema(self, *, nullable: bool = False) -> dict[str, Any]:
        """Return the type as JSON Schema writes it: every field asked for, no other allowed, as strict endpoints want it."""
        schema: dict[str, Any]
        if self.kind == "STRUCT":
            schema = {"type": "object", "properties": {field.name: _field_schema(field) for field in self.fields}}
            schema |= {"required": [field.name for field in self.fields], "additionalProperties": False}
        elif self.kind == "ARRAY" and self.element is not None:
            schema = {"type": "array", "items": self.element.json_schema()}
        elif self.kind == "MAP" and self.element is not None:
            schema = {"type": "object", "additionalProperties": self.element.json_schema()}
        else:
            schema = {"type": _JSON_KINDS[self.kind]}
            if self.kind in _FORMATS:
                schema["format"] = _FORMATS[self.kind]
        schema |= {word: list(value) if isinstance(value, tuple) else value for word, value in self.bounds}
        if not nullable:
            return schema
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
        return {**schema, "type": [schema["type"], "null"]}

    def read(self, value: Any, where: str = "answer") -> Any:
        """Return the value as this type has it in Python; raises WrongType. "3" is understood as 3."""
        if self.kind == "STRUCT":
            return self._read_struct(value, where)
        if self.element is not None:
            return self._read_many(value, where, self.element)
        try:
            read = _SCALARS[self.kind](value)
        except (ValueError, TypeError, AttributeError, ArithmeticError):
            raise WrongType(f"{where} is {_shown(value)}, not {self.ddl}") from None
        bits = _INTEGER_BITS.get(self.kind)
        if bits is not None and not -(1 << bits - 1) <= read < 1 << bits - 1:
            raise WrongType(f"{where} is {_shown(value)}, which no {self.kind} holds")
        if self.kind == "DECIMAL":
            read = _fitted(read, self.precision, self.scale, where)
        self._check_bounds(read, where)
        return read

    def _read_struct(self, value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise WrongType(f"{where} is {_shown(value)}, not an object")
        if self.fields and not any(field.name in value for field in self.fields):
            raise WrongType(f"{where} has none of the fields {', '.join(field.name for field in self.fields)}")
        return {field.name: _read_field(field, value.get(field.name), f"{where}.{field.name}") for field in self.fields}

    def _read_many(self, value: Any, where: str, element: AnswerType) -> Any:
        if self.kind == "MAP":
            if not isinstance(value, dict):
                raise WrongType(f"{where} is {_shown(value)}, not an object")
            return [(name, self._read_element(element, entry, f"{where}.{name}")) for name, entry in value.items()]
        if not isinstance(value, list):
            raise WrongType(f"{where} is {_shown(value)}, not a list")
        self._check_bounds(value, where)
        return [self._read_element(element, entry, f"{where}[{index}]") for index, entry in enumerate(value)]

    def _read_element(self, element: AnswerType, entry: Any, where: str) -> Any:
        return None if entry is None and self.element_nullable else element.read(entry, where)

    def _check_bounds(self, value: Any, where: str) -> None:
        for word, bound in self.bounds:
            check = _BOUNDS.get(word)
            if check is not None and not check(value, bound):
                raise WrongType(f"{where} is {_shown(value)}, against {word} {bound!r}")


def _field_schema(field: AnswerField) -> dict[str, Any]:
    schema = field.type.json_schema(nullable=field.nullable)
    return schema if field.description is None else {**schema, "description": field.description}


def _read_field(field: AnswerField, value: Any, where: str) -> Any:
    if value is not None:
        return field.type.read(value, where)
    if not field.nullable:
        raise WrongType(f"{where} is missing")
    return None


def _text(value: Any) -> str:
    if value is None or isinstance(value, (dict, list, bool)):
        raise TypeError
    return str(value)


def _integer(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise TypeError
    return int(value)


def _number(value: Any) -> float:
    number = float(value)
    if isinstance(value, bool) or not math.isfinite(number):
        raise TypeError
    return number


def _float(value: Any) -> float:
    number = _number(value)
    if abs(number) > _FLOAT_AT_MOST:
        raise OverflowError
    return number


def _boolean(value: Any) -> bool:
    if isinstance(value, str):
        word = value.strip().lower()
        if word in _TRUE_WORDS | _FALSE_WORDS:
            return word in _TRUE_WORDS
    if not isinstance(value, bool):
        raise TypeError
    return value


def _timestamp(value: Any) -> dt.datetime:
    moment = dt.datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", value.strip()))
    if moment.tzinfo is None:
        return moment.replace(tzinfo=dt.timezone.utc)
    # In the column it is UTC's: a moment whose year there is none of Python's could be written, and never be read.
    return moment.astimezone(dt.timezone.utc)


def _decimal(value: Any) -> decimal.Decimal:
    if isinstance(value, bool):
        raise TypeError
    return decimal.Decimal(str(value))


def _fitted(value: decimal.Decimal, precision: int, scale: int, where: str) -> decimal.Decimal:
    if value.is_finite() and abs(value) < decimal.Decimal(10) ** (precision - scale):
        fitted = value.quantize(decimal.Decimal(1).scaleb(-scale), context=decimal.Context(prec=60))
        if abs(fitted) < decimal.Decimal(10) ** (precision - scale):
            return fitted
    raise WrongType(f"{where} is {_shown(value)}, which no DECIMAL({precision},{scale}) holds")


def _matches(pattern: str, value: str) -> bool:
    """Return whether the value fits the pattern; JSON Schema's are JavaScript's, which Python does not all understand."""
    try:
        return re.search(pattern, value) is not None
    except re.error:
        return True


def _shown(value: Any) -> str:
    return repr(value)[:80]


_SCALARS: Final[dict[str, Callable[[Any], Any]]] = {
    "STRING": _text,
    "BOOLEAN": _boolean,
    "FLOAT": _float,
    "DOUBLE": _number,
    "DECIMAL": _decimal,
    "DATE": lambda value: dt.date.fromisoformat(value.strip()[:10]),
    "TIMESTAMP": _timestamp,
    **dict.fromkeys(_INTEGER_BITS, _integer),
}
_BOUNDS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "enum": lambda value, bound: value in bound,
    "minimum": lambda value, bound: value >= bound,
    "maximum": lambda value, bound: value <= bound,
    "exclusiveMinimum": lambda value, bound: value > bound,
    "exclusiveMaximum": lambda value, bound: value < bound,
    "minLength": lambda value, bound: len(value) >= bound,
    "maxLength": lambda value, bound: len(value) <= bound,
    "minItems": lambda value, bound: len(value) >= bound,
    "maxItems": lambda value, bound: len(value) <= bound,
    "pattern": lambda value, bound: _matches(bound, value),
}
BOUND_WORDS: Final = frozenset(_BOUNDS)
