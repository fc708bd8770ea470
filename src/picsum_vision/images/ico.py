"""ICO: the largest of its pictures, each a PNG or a bitmap of at most 256 x 256 pixels."""

from __future__ import annotations

import struct
from typing import Final

from picsum_vision.images import png
from picsum_vision.images.facts import Header, broken

_COUNT: Final = struct.Struct("<H")
_ENTRY: Final = struct.Struct("<BBxxxxxxII")
_ENTRY_LENGTH: Final = 16
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_HEADER_BYTES: Final = 33
_FULL_SIDE: Final = 256
_MAX_PICTURES: Final = 256


def read_header(data: bytes) -> Header:
    """Read the largest picture's size; the body is where the last picture ends."""
    (count,) = _COUNT.unpack_from(data, 4)
    if not 0 < count <= _MAX_PICTURES:
        raise broken("an icon without pictures")
    entries = [_ENTRY.unpack_from(data, 6 + _ENTRY_LENGTH * index) for index in range(count)]
    sizes = [_size(data, entry) for entry in entries]
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    return Header(width, height, max(length + offset for _, _, length, offset in entries))


def _size(data: bytes, entry: tuple[int, int, int, int]) -> tuple[int, int]:
    """Take an embedded PNG at its own word: the directory's single byte can hide a far larger one."""
    width, height, length, offset = entry
    if data.startswith(_PNG, offset):
        header = png.read_header(data[offset : offset + min(length, _PNG_HEADER_BYTES)])
        return header.width, header.height
    return width or _FULL_SIDE, height or _FULL_SIDE


def is_whole(data: bytes, body: int) -> bool:
    """Tell whether every picture is there to its end."""
    return len(data) >= body
