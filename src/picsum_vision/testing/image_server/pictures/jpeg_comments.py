"""Comments in a JPEG: they change its bytes and its length, and not one pixel."""

from __future__ import annotations

from typing import Final

JPEG_START: Final = b"\xff\xd8"
#: The longest text that one comment can hold, and the bytes that its mark and its length take.
MAX_COMMENT_BYTES: Final = 65_533
COMMENT_EXTRA_BYTES: Final = 4
_COMMENT: Final = b"\xff\xfe"
_JFIF: Final = b"\xff\xe0"


def comment(text: bytes) -> bytes:
    """Write one comment segment."""
    return _COMMENT + (len(text) + 2).to_bytes(2, "big") + text


def with_comments(jpeg: bytes, comments: bytes) -> bytes:
    """Join comment segments into `jpeg`, after the JFIF header, which has to come first."""
    place = len(JPEG_START)
    if jpeg[place : place + 2] == _JFIF:
        place += 2 + int.from_bytes(jpeg[place + 2 : place + 4], "big")
    return b"".join((jpeg[:place], comments, jpeg[place:]))
