"""Text that UTF-8, and with it Arrow and Spark, can hold."""

from __future__ import annotations

from typing import Any


def well_formed(text: str) -> str:
    r"""Return the text with U+FFFD for each half of a character.

    JSON can say half of one ("\ud83d"), and a model that is cut in the middle of an emoji does. Halves that belong together
    become the character that they are.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def well_formed_value(value: Any) -> Any:
    """Return an answer with all its texts well formed, in its lists, in its fields and in the names of a map."""
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, dict):
        return {name: well_formed_value(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(well_formed_value(entry) for entry in value)
    return value
