"""Names and texts in SQL: the only place that quotes.

What comes out means the same under every setting of the session's parser: Spark replaces `${...}` in all SQL text
(`spark.sql.variable.substitute`), and `spark.sql.parser.escapedStringLiterals` decides whether a backslash escapes. Bound
parameters (`spark.sql(..., args=...)`) do not: Spark 4.1 writes them into the text with backslashes.
"""

from __future__ import annotations

import re
from typing import Final

from picsum_vision.errors import SettingError

_QUOTED: Final = re.compile(r"`((?:[^`]|``)+)`")
_BARE: Final = re.compile(r"[^\s`./\\:;'\"]+")
_PLAIN: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_PART: Final = f"(?:{_QUOTED.pattern}|{_BARE.pattern})"
_NAME: Final = re.compile(rf"{_PART}(?:\.{_PART})*")
# Quotes and backslashes, and the place where `${` is cut in two.
_NOT_PLAIN: Final = re.compile(r"(['\\])|(?<=\$)(?=\{)")


def identifier(*parts: str) -> str:
    """Return the parts as one quoted name, `catalog`.`schema`.`table`."""
    return ".".join(f"`{part.replace('`', '``')}`" for part in parts)


def readable_name(*parts: str) -> str:
    """Return the parts as a person writes them in SQL, in backticks only where they need them."""
    return ".".join(part if _PLAIN.fullmatch(part) else identifier(part) for part in parts)


def unquoted(part: str) -> str:
    """Return one part of a name without its backticks."""
    return part[1:-1].replace("``", "`") if _QUOTED.fullmatch(part) else part


def is_name(text: str) -> bool:
    """Return whether this can be a table's name: parts with dots between them, in backticks or bare."""
    return _NAME.fullmatch(text) is not None


def name_parts(name: str) -> list[str]:
    """Return the parts of a table's name; bare ones may have hyphens and begin with a digit."""
    return [unquoted(found.group()) for found in re.finditer(_PART, name)]


def table_name(setting: str, name: str) -> str:
    """Return a table's name as SQL has it, from the way that people write it; raises SettingError if it is none."""
    check_not_replaced(setting, name)
    if not is_name(name):
        raise SettingError(f"{setting}: {name!r} is not allowed; it must be a table's name like catalog.schema.my-table")
    return identifier(*name_parts(name))


def check_not_replaced(setting: str, name: str) -> None:
    """Refuse a name with `${`, which Spark replaces in names, too, and which no quoting keeps from it."""
    if "${" in name:
        raise SettingError(f"{setting}: {name!r} is not allowed; it must have no '${{', for Spark replaces ${{...}} in names")


def literal(text: str) -> str:
    """Return the text as a constant: a string literal, or a `concat` of such and of `char(...)`."""
    pieces = [piece for piece in _NOT_PLAIN.split(text) if piece] or [""]
    constants = [f"char({ord(piece)})" if piece in {"'", "\\"} else f"'{piece}'" for piece in pieces]
    return constants[0] if len(constants) == 1 else f"concat({', '.join(constants)})"
