"""AVIF and HEIC: the size from the `ispe` property, and the boxes up to the end (ISO/IEC 23008-12)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from picsum_vision.images.facts import BadImage, Header, HeaderEndsEarlyError, broken

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BOXES: Final = 10_000
"""Boxes of one level that are walked; more is an attack on whoever walks them."""

_AVIF_BRANDS: Final = frozenset({b"avif", b"avis"})
_HEIC_BRANDS: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_TOP_LEVEL: Final = frozenset({b"ftyp", b"styp", b"meta", b"mdat", b"moov", b"moof", b"mfra", b"free", b"skip", b"uuid", b"pdin"})
"""Boxes of a file's own level; whatever else follows them is a trailer, and no part of the picture."""
_BOX: Final = struct.Struct(">I4s")
_LONG_LENGTH: Final = struct.Struct(">Q")
_SPATIAL_EXTENT: Final = struct.Struct(">4xII")
_FULL_BOX: Final = 4


class _Box(NamedTuple):
    name: bytes
    start: int
    end: int


def content_type(data: bytes) -> str | None:
    """Tell AVIF from HEIC by the brands of `ftyp`; None for any other file of this family (a video, for example)."""
    if data[4:8] != b"ftyp":
        return None
    brands_end = min(int.from_bytes(data[:4], "big"), 256)
    brands = {data[8:12], *(data[i : i + 4] for i in range(16, brands_end, 4))}
    if brands & _AVIF_BRANDS:
        return "image/avif"
    return "image/heic" if brands & _HEIC_BRANDS else None


def read_header(data: bytes) -> Header:
    """Read the largest of the stated sizes: the others are tiles and thumbnails."""
    meta = next((box for box in _boxes(data, 0, len(data)) if box.name == b"meta"), None)
    if meta is None or meta.end > len(data):
        raise HeaderEndsEarlyError
    properties = _first(_inside(data, meta.start + _FULL_BOX, meta.end, b"iprp"))
    container = _first(_inside(data, properties.start, properties.end, b"ipco"))
    extents = _inside(data, container.start, container.end, b"ispe")
    sizes = [_SPATIAL_EXTENT.unpack_from(data, extent.start) for extent in extents]
    if not sizes:
        raise _no_size()
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    return Header(width, height, 0)


def is_whole(data: bytes, _body: int) -> bool:
    """Tell whether every box is there to its end, one with picture data among them."""
    last = 0
    has_data = False
    for box in _boxes(data, 0, len(data)):
        if box.name not in _TOP_LEVEL:
            break
        last = box.end
        has_data = has_data or box.name == b"mdat" or (box.name == b"meta" and _has_inline_data(data, box))
    return has_data and last <= len(data)


def _first(boxes: Iterator[_Box]) -> _Box:
    for box in boxes:
        return box
    raise _no_size()


def _no_size() -> BadImage:
    return broken("an AVIF or HEIC file that states no size")


def _has_inline_data(data: bytes, meta: _Box) -> bool:
    return any(True for _ in _inside(data, meta.start + _FULL_BOX, min(meta.end, len(data)), b"idat"))


def _inside(data: bytes, start: int, end: int, name: bytes) -> Iterator[_Box]:
    return (box for box in _boxes(data, start, end) if box.name == name)


def _boxes(data: bytes, start: int, end: int) -> Iterator[_Box]:
    """Walk one level; what is too short for a box, or has an impossible length, ends the walk."""
    for _ in range(MAX_BOXES):
        if start + _BOX.size > end:
            return
        length, name = _BOX.unpack_from(data, start)
        content = start + _BOX.size
        if length == 1:
            (length,) = _LONG_LENGTH.unpack_from(data, content)
            content += _LONG_LENGTH.size
        elif length == 0:
            length = end - start
        if length < content - start:
            return
        yield _Box(name, content, start + length)
        start += length
