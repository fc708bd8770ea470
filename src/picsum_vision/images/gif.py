"""GIF: the size of the canvas, and the blocks up to the trailer (GIF89a specification)."""

from __future__ import annotations

import struct
from typing import Final

from picsum_vision.images.facts import Header, HeaderEndsEarlyError, broken

MAX_STEPS: Final = 20_000
"""Blocks and runs of sub-blocks that are walked; past them the last byte decides, so that a hostile file costs no more."""

_SCREEN: Final = struct.Struct("<HHB")
_FRAME: Final = struct.Struct("<HHHH")
_AFTER_SCREEN: Final = 13
_HAS_TABLE: Final = 0x80
_EXTENSION: Final = 0x21
_IMAGE: Final = 0x2C
_TRAILER: Final = 0x3B
_FULL: Final = 0xFF
_RUN_BYTES: Final = 1 << 16


def read_header(data: bytes) -> Header:
    """Read the canvas, widened where the first frame reaches beyond it, as decoders widen it."""
    width, height, flags = _SCREEN.unpack_from(data, 6)
    body = _AFTER_SCREEN + _table_bytes(flags)
    left, top, frame_width, frame_height = _FRAME.unpack_from(data, _first_frame(data, body) + 1)
    return Header(max(width, left + frame_width), max(height, top + frame_height), body)


def is_whole(data: bytes, body: int) -> bool:
    """Tell whether the blocks lead to the trailer; what follows it does not matter."""
    walk = _Walk(data, body)
    while (block := walk.block()) is not None:
        if block == _TRAILER:
            return True
        walk.skip_block(block)
    return walk.gave_up and data.rstrip(b"\0").endswith(b";")


def _first_frame(data: bytes, body: int) -> int:
    """Find the offset of the first frame."""
    walk = _Walk(data, body)
    while (block := walk.block()) is not None:
        if block == _IMAGE:
            return walk.offset
        if block == _TRAILER:
            raise broken("a GIF without a picture in it")
        walk.skip_block(block)
    if walk.gave_up:
        raise broken(f"a GIF with more than {MAX_STEPS} blocks before its picture")
    raise HeaderEndsEarlyError


def _table_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & _HAS_TABLE else 0


class _Walk:
    """A position among the blocks, with a bound on the steps taken."""

    def __init__(self, data: bytes, offset: int) -> None:
        self.data = data
        self.offset = offset
        self.steps = 0

    @property
    def gave_up(self) -> bool:
        """Whether the bound, not the data, ended the walk."""
        return self.steps >= MAX_STEPS

    def block(self) -> int | None:
        """Give the introducer of the block here; None past the end or the bound."""
        self.steps += 1
        return self.data[self.offset] if self.offset < len(self.data) and not self.gave_up else None

    def skip_block(self, block: int) -> None:
        """Move to the next block; a byte that introduces none is stepped over, as decoders do."""
        if block == _EXTENSION:
            self.offset += 2
            self._skip_sub_blocks()
        elif block == _IMAGE:
            flags = self.data[self.offset + 9] if self.offset + 9 < len(self.data) else 0
            self.offset += 11 + _table_bytes(flags)
            self._skip_sub_blocks()
        else:
            self.offset += 1

    def _skip_sub_blocks(self) -> None:
        data, end = self.data, len(self.data)
        while self.offset < end and not self.gave_up:
            self.steps += 1
            length = data[self.offset]
            if length == _FULL:
                # Encoders fill nearly every sub-block: a run of full ones is counted in one slice, not one by one.
                lengths = data[self.offset : self.offset + _RUN_BYTES : _FULL + 1]
                self.offset += (len(lengths) - len(lengths.lstrip(b"\xff"))) * (_FULL + 1)
                continue
            self.offset += 1 + length
            if length == 0:
                return
