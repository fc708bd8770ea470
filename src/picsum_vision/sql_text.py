"""Names and texts as SQL has them: the only place that escapes."""

from __future__ import annotations


def identifier(*parts: str) -> str:
    """Return the parts as one quoted name, `catalog`.`schema`.`table`."""
    return ".".join(f"`{part.replace('`', '``')}`" for part in parts)


def literal(text: str) -> str:
    """Return the text as a string literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
