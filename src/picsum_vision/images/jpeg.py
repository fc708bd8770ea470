"""JPEG: the size from the frame header, and the end-of-image marker (ITU-T T.81, annex B)."""

from __future__ import annotations

import struct
from typing import Final

from picsum_vision.images.facts import Header, HeaderEndsEarlyError, broken

MAX_SEGMENTS: Final = 10_000
"""Segments before the picture's own data; more is an attack on whoever walks them."""

_SHORT: Final = struct.Struct(">H")
_HEIGHT_WIDTH: Final = struct.Struct(">HH")
_START_OF_FRAME: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH: Final = frozenset({0x00, 0x01, *range(0xD0, 0xD9)})
_PADDING: Final = 0xFF
_START_OF_SCAN: Final = 0xDA
_END_OF_IMAGE: Final = 0xD9
_END_OF_IMAGE_BYTES: Final = b"\xff\xd9"


def read_header(data: bytes) -> Header:
    """Walk the segments up to the first scan; the body starts after its header."""
    offset = 2
    height = width = -1
    for _ in range(MAX_SEGMENTS):
        offset = data.find(b"\xff", offset)
        if offset < 0:
            raise HeaderEndsEarlyError
        marker = data[offset + 1]
        if marker == _PADDING:
            offset += 1
            continue
        if marker in _WITHOUT_LENGTH:
            offset += 2
            continue
        if marker == _END_OF_IMAGE:
            raise broken("a JPEG without a picture in it")
        if marker in _START_OF_FRAME:
            height, width = _HEIGHT_WIDTH.unpack_from(data, offset + 5)
        offset += 2 + _SHORT.unpack_from(data, offset + 2)[0]
        if marker == _START_OF_SCAN:
            return _header(width, height, offset)
    raise broken(f"a JPEG with more than {MAX_SEGMENTS} segments before its picture")


def _header(width: int, height: int, body: int) -> Header:
    if width < 0:
        raise broken("a JPEG without a frame header")
    return Header(width, height, body)


def is_whole(data: bytes, body: int) -> bool:
    """Tell whether an end-of-image marker follows the first scan.

    The pictures' data escape every 0xFF, so the marker stands for the end and nothing else there; a thumbnail's own lies in
    the segments before the scan. What follows the marker (padding, a camera's trailer) does not matter.
    """
    return data.rfind(_END_OF_IMAGE_BYTES, body) >= 0
