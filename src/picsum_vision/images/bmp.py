"""BMP: the size and the bytes of its rows (Windows bitmap headers, version 1 to 5)."""

from __future__ import annotations

import struct
from typing import Final

from picsum_vision.images.facts import Header, broken

_CORE: Final = struct.Struct("<HHHH")
_INFO: Final = struct.Struct("<iiHHII")
_OFFSETS: Final = struct.Struct("<III")
_CORE_LENGTH: Final = 12
_INFO_LENGTHS: Final = frozenset({16, 40, 52, 56, 64, 108, 124})
_RUN_LENGTH_CODED: Final = frozenset({1, 2})
_DIB: Final = 18


def read_header(data: bytes) -> Header:
    """Read the size; the body is where the bytes of the picture end."""
    _, start, header_length = _OFFSETS.unpack_from(data, 6)
    if header_length == _CORE_LENGTH:
        width, height, _, bits = _CORE.unpack_from(data, _DIB)
        return Header(width, height, start + _rows_bytes(width, height, bits))
    if header_length not in _INFO_LENGTHS:
        raise broken("a BMP with an unknown header")
    width, height, _, bits, compression, stated = _INFO.unpack_from(data, _DIB)
    length = stated if compression in _RUN_LENGTH_CODED else _rows_bytes(width, abs(height), bits)
    return Header(width, abs(height), start + length)


def _rows_bytes(width: int, height: int, bits: int) -> int:
    """Bytes of uncompressed rows, each padded to four bytes."""
    return (width * bits + 31) // 32 * 4 * height


def is_whole(data: bytes, body: int) -> bool:
    """Tell whether all the rows are there."""
    return len(data) >= body
