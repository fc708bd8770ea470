"""The checks that need no decoding: a known type, a sane size within the bound, and an end."""

from __future__ import annotations

import struct
from typing import Final

from picsum_vision.images.facts import BadImage, Header, HeaderEndsEarlyError, broken
from picsum_vision.images.signatures import Format, name_of_other, recognise
from picsum_vision.outcomes import DownloadStatus

_PAST_THE_END: Final = (struct.error, IndexError, OverflowError, HeaderEndsEarlyError)
"""What reading at an offset that the bytes do not reach raises; an offset of 64 bits can be past any index."""

_LARGEST_SIDE: Final = 2**31 - 1  # PNG's own bound, and the largest number of the outcome's INT


def check_header(data: bytes, max_pixels: int) -> tuple[Format, Header]:
    """Give the format and the header of a whole picture of at most `max_pixels`, or raise `BadImage`."""
    if not data:
        raise BadImage(DownloadStatus.EMPTY, "no bytes at all")
    kind = recognise(data)
    if kind is None:
        raise broken(f"{name_of_other(data)}, not an image")
    header = read_header(data, kind)
    if header.width * header.height > max_pixels:
        size = f"{kind.content_type} of {header.width} x {header.height} pixels"
        raise BadImage(DownloadStatus.TOO_MANY_PIXELS, f"{size}: more than {max_pixels}")
    if not _is_whole(data, kind, header):
        raise BadImage(DownloadStatus.TRUNCATED, f"{kind.content_type} cut off after {len(data)} bytes")
    return kind, header


def _is_whole(data: bytes, kind: Format, header: Header) -> bool:
    try:
        return kind.is_whole(data, header.body)
    except _PAST_THE_END:
        return False


def read_header(data: bytes, kind: Format) -> Header:
    """Read the header of a `kind` of picture; each side has at least one pixel, at most 2147483647."""
    try:
        header = kind.read_header(data)
    except _PAST_THE_END:
        raise BadImage(DownloadStatus.TRUNCATED, f"{kind.content_type} cut off inside its header") from None
    if not (0 < header.width <= _LARGEST_SIDE and 0 < header.height <= _LARGEST_SIDE):
        raise broken(f"{kind.content_type} of {header.width} x {header.height} pixels")
    return header
