"""TIFF: the size from the first directory, and the ends of its strips or tiles (TIFF 6.0; BigTIFF)."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from picsum_vision.images.facts import Header, broken

_WIDTH: Final = 256
_HEIGHT: Final = 257
_OFFSETS: Final = frozenset({273, 324})
_BYTE_COUNTS: Final = frozenset({279, 325})
_FORMATS: Final = {1: "B", 3: "H", 4: "I", 16: "Q"}
"""Struct letters of the unsigned field types: BYTE, SHORT, LONG, LONG8."""
_TYPE_BYTES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_FIRST_PRIVATE_TAG: Final = 32_768
_BIG: Final = 43
_MAX_FIELDS: Final = 4_096
_MAX_PIECES: Final = 100_000


_Entry = tuple[int, int, int, bytes]
"""One field of the directory: tag, type, number of values, and the values or their offset."""


class _Layout(NamedTuple):
    """How one of the four kinds (byte order, classic or big) writes its directory."""

    order: str
    offset: struct.Struct
    number: struct.Struct
    field: struct.Struct
    inline_bytes: int


def read_header(data: bytes) -> Header:
    """Read the first page's size; the body is where the last of its directory, values, strips or tiles ends."""
    layout = _layout(data)
    (directory,) = layout.offset.unpack_from(data, layout.inline_bytes)
    (count,) = layout.number.unpack_from(data, directory)
    if count > _MAX_FIELDS:
        raise broken(f"a TIFF with more than {_MAX_FIELDS} fields")
    start = directory + layout.number.size
    entries = [layout.field.unpack_from(data, start + index * layout.field.size) for index in range(count)]
    fields = _fields(data, layout, entries)
    width, height = fields.get(_WIDTH, ()), fields.get(_HEIGHT, ())
    if not width or not height:
        raise broken("a TIFF that states no size")
    directory_end = start + count * layout.field.size + layout.inline_bytes
    return Header(width[0], height[0], max(directory_end, _end_of_values(layout, entries), _end_of_pieces(fields)))


def _layout(data: bytes) -> _Layout:
    order = "<" if data.startswith(b"II") else ">"
    if struct.unpack_from(order + "H", data, 2)[0] == _BIG:
        return _layout_of(order, "Q", "Q", "HHQ8s", 8)
    return _layout_of(order, "I", "H", "HHI4s", 4)


def _layout_of(order: str, offset: str, number: str, field: str, inline_bytes: int) -> _Layout:
    offset_struct, number_struct, field_struct = (struct.Struct(order + letters) for letters in (offset, number, field))
    return _Layout(order, offset_struct, number_struct, field_struct, inline_bytes)


def _fields(data: bytes, layout: _Layout, entries: list[_Entry]) -> dict[int, tuple[int, ...]]:
    """Give the values of the few fields that are of use here, by tag."""
    wanted = _OFFSETS | _BYTE_COUNTS | {_WIDTH, _HEIGHT}
    fields: dict[int, tuple[int, ...]] = {}
    for tag, kind, length, inline in entries:
        letter = _FORMATS.get(kind)
        if tag in wanted and tag not in fields and letter and length <= _MAX_PIECES:
            values = struct.Struct(f"{layout.order}{length}{letter}")
            is_inline = values.size <= layout.inline_bytes
            where = 0 if is_inline else layout.offset.unpack(inline)[0]
            fields[tag] = values.unpack_from(inline if is_inline else data, where)
    return fields


def _end_of_values(layout: _Layout, entries: list[_Entry]) -> int:
    """Give the end of the values that lie outside the directory; private tags are left out, decoders do without them."""
    lengths = [
        (length * _TYPE_BYTES[kind], inline)
        for tag, kind, length, inline in entries
        if tag < _FIRST_PRIVATE_TAG and kind in _TYPE_BYTES and length * _TYPE_BYTES[kind] > layout.inline_bytes
    ]
    return max((layout.offset.unpack(inline)[0] + length for length, inline in lengths), default=0)


def _end_of_pieces(fields: dict[int, tuple[int, ...]]) -> int:
    offsets = [fields[tag] for tag in _OFFSETS if tag in fields]
    byte_counts = [fields[tag] for tag in _BYTE_COUNTS if tag in fields]
    if not offsets or not byte_counts:
        return 0
    return max((offset + length for offset, length in zip(offsets[0], byte_counts[0], strict=False)), default=0)


def is_whole(data: bytes, body: int) -> bool:
    """Tell whether every strip or tile of the first page is there."""
    return len(data) >= body
