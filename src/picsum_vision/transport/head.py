"""The head of an HTTP answer."""

from __future__ import annotations

Fields = list[tuple[bytes, bytes]]


class Head:
    """Status and header fields of an answer; names are in lower case."""

    __slots__ = ("_fields", "_firsts", "status")

    def __init__(self, status: int, fields: Fields) -> None:
        """Take the fields as they came, in their order."""
        self.status = status
        # The parser heeds `Content-Length : 5`, so that its name must be known here too.
        self._fields = [(name.strip().lower(), value) for name, value in fields]
        self._firsts = dict(reversed(self._fields))

    def first(self, name: bytes) -> str | None:
        """Return the first value of the field `name` (lower case), None if it is not there."""
        value = self._firsts.get(name)
        return None if value is None else _text(value)

    def every(self, name: bytes) -> list[str]:
        """Return all values of the field `name` (lower case)."""
        if name not in self._firsts:
            return []
        return [_text(value) for field, value in self._fields if field == name]

    def mapping(self) -> dict[str, str]:
        """Return all fields by their names, the values of a repeated one joined by commas."""
        joined: dict[str, str] = {}
        for field, value in self._fields:
            name, text = _text(field), _text(value)
            joined[name] = f"{joined[name]}, {text}" if name in joined else text
        return joined

    @property
    def content_length(self) -> int | None:
        """The body's announced length in bytes, None where it is not announced."""
        value = self.first(b"content-length")
        return int(value) if value is not None and value.isdigit() else None

    @property
    def is_framed(self) -> bool:
        """Whether the answer says where its body ends; without that it ends with the connection."""
        codings = ",".join(self.every(b"transfer-encoding")).lower().split(",")
        return self.first(b"content-length") is not None or codings[-1].strip() == "chunked"


def _text(value: bytes) -> str:
    """Return the text of a field: HTTP says Latin-1, but what is beyond ASCII is mostly UTF-8."""
    try:
        return value.decode("utf-8").strip()
    except UnicodeDecodeError:
        return value.decode("latin-1").strip()
