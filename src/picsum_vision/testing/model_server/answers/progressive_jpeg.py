"""Cuts a progressive JPEG down to its first scan, which is all that a picture an eighth of the size is made of."""

from __future__ import annotations

from typing import Final

_START, _PROGRESSIVE, _SCAN, _END = b"\xff\xd8", 0xC2, 0xDA, b"\xff\xd9"
_OTHER_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {_PROGRESSIVE, 0xC4, 0xC8, 0xCC}
# Inside a scan, 0xFF is followed by zero (a stuffed byte) or by one of the restart marks.
_INSIDE_SCAN: Final = frozenset([0, *range(0xD0, 0xD8)])


def first_scan(data: bytes) -> bytes:
    """Return a JPEG of only the first scan of the progressive JPEG `data`; `data` itself if it is anything else or incomplete."""
    if not data.startswith(_START):
        return data
    position, components = len(_START), 0
    while position + 4 <= len(data) and data[position] == 0xFF:  # noqa: PLR2004 - every JPEG mark begins with it
        mark = data[position + 1]
        if mark in _OTHER_FRAMES:
            return data
        if mark == _PROGRESSIVE:
            components = int.from_bytes(data[position + 9 : position + 10], "big")
        scanned = int.from_bytes(data[position + 4 : position + 5], "big")
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        if mark == _SCAN:
            return _cut_after(data, position) if components and scanned == components else data
    return data


def _cut_after(data: bytes, scan: int) -> bytes:
    end = _end_of_scan(data, scan)
    # Without its end mark the file is damaged: whoever decodes it in full will say so.
    complete = end > scan and data.find(_END, end) >= end
    return data[:end] + _END if complete else data


def _end_of_scan(data: bytes, position: int) -> int:
    while 0 <= (position := data.find(b"\xff", position)) < len(data) - 1:
        if data[position + 1] not in _INSIDE_SCAN:
            return position
        position += 2
    return -1
