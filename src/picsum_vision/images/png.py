"""PNG: the size from IHDR, and the chunks up to IEND (W3C PNG, third edition)."""

from __future__ import annotations

import struct
import zlib
from typing import Final

from picsum_vision.images.facts import Header, broken

MAX_CHUNKS: Final = 10_000
"""Chunks that are walked one by one; past them IEND is searched for, so that a hostile file costs no more."""

_LENGTH_AND_NAME: Final = struct.Struct(">I4s")
_HEADER: Final = struct.Struct(">I4sII5sI")
_AFTER_SIGNATURE: Final = 8
_AFTER_HEADER: Final = 33
_HEADER_LENGTH: Final = 13
_CHUNK_FRAME: Final = 12
_END_CHUNK: Final = b"\0\0\0\0IEND\xaeB`\x82"


def read_header(data: bytes) -> Header:
    """Read IHDR, its checksum included."""
    length, name, width, height, _, checksum = _HEADER.unpack_from(data, _AFTER_SIGNATURE)
    if length != _HEADER_LENGTH or name != b"IHDR":
        raise broken("a PNG that does not begin with its header")
    if zlib.crc32(data[_AFTER_SIGNATURE + 4 : _AFTER_HEADER - 4]) != checksum:
        raise broken("a PNG whose header has a wrong checksum")
    return Header(width, height, _AFTER_HEADER)


def is_whole(data: bytes, body: int) -> bool:
    """Tell whether the chunks lead to a whole IEND; what follows it does not matter."""
    offset, end = body, len(data)
    has_pixels = False
    for _ in range(MAX_CHUNKS):
        if offset + _CHUNK_FRAME > end:
            return False
        length, name = _LENGTH_AND_NAME.unpack_from(data, offset)
        offset += _CHUNK_FRAME + length
        has_pixels = has_pixels or name == b"IDAT"
        if name == b"IEND":
            if not has_pixels:
                raise broken("a PNG without a picture in it")
            return bool(offset <= end)
    return data.find(_END_CHUNK, offset) >= 0
