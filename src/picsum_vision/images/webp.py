"""WebP: the size from its first chunk, and the length that RIFF states (RFC 9649)."""

from __future__ import annotations

import struct
from typing import Final

from picsum_vision.images.facts import Header, broken

_RIFF_LENGTH: Final = struct.Struct("<I")
_LOSSY_SIZE: Final = struct.Struct("<HH")
_LOSSLESS_SIZE: Final = struct.Struct("<I")
_LOSSY_START: Final = b"\x9d\x01\x2a"
_LOSSLESS_START: Final = b"\x2f"
_SIDE_BITS: Final = 0x3FFF


def read_header(data: bytes) -> Header:
    """Read the canvas of an extended file, or the size of the only picture."""
    chunk = data[12:16]
    if chunk == b"VP8X":
        low, middle, high = _bytes_at(data, 24, 3)
        width = (low | middle << 8 | high << 16) + 1
        low, middle, high = _bytes_at(data, 27, 3)
        return Header(width, (low | middle << 8 | high << 16) + 1, 0)
    if chunk == b"VP8L":
        (bits,) = _LOSSLESS_SIZE.unpack_from(data, 21)
        if data[20:21] != _LOSSLESS_START:
            raise broken("a lossless WebP without its signature")
        return Header((bits & _SIDE_BITS) + 1, (bits >> 14 & _SIDE_BITS) + 1, 0)
    if chunk == b"VP8 ":
        width, height = _LOSSY_SIZE.unpack_from(data, 26)
        if data[23:26] != _LOSSY_START:
            raise broken("a lossy WebP without its start code")
        return Header(width & _SIDE_BITS, height & _SIDE_BITS, 0)
    raise broken("a WebP without a picture in its first chunk")


def _bytes_at(data: bytes, offset: int, count: int) -> tuple[int, ...]:
    return struct.unpack_from(f"{count}B", data, offset)


def is_whole(data: bytes, _body: int) -> bool:
    """Tell whether as many bytes are there as RIFF states."""
    return bool(len(data) >= _RIFF_LENGTH.unpack_from(data, 4)[0] + 8)
