"""Pictures that are valid and yet a trial for whoever reads them, and pictures that are broken."""

from __future__ import annotations

import functools
import io
import zlib
from typing import Any, Final

import numpy as np
from PIL import Image, ImageOps

JPEG_START: Final = b"\xff\xd8"
#: The longest text that one comment can hold, and the bytes that its mark and its length take.
MAX_COMMENT_BYTES: Final = 65_533
COMMENT_EXTRA_BYTES: Final = 4
_COMMENT: Final = b"\xff\xfe"
_JFIF: Final = b"\xff\xe0"
_EXIF_ORIENTATION: Final = 0x0112
_TURN_CLOCKWISE: Final = 6
_QUALITY: Final = 72
_GIF_SIDE_PX: Final = 320
_ADLER_MODULUS: Final = 65_521
_RUN_BYTES: Final = 1_000_000


def animated_gif(upright: Image.Image) -> bytes:
    """Make a GIF of three frames, at most 320 pixels a side."""
    small = upright.copy()
    small.thumbnail((_GIF_SIDE_PX, _GIF_SIDE_PX))
    frames = [frame.quantize(64) for frame in (small, ImageOps.mirror(small), ImageOps.flip(small))]
    return saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=200, loop=0)


def rotated_jpeg(upright: Image.Image) -> bytes:
    """Make a JPEG that is stored lying on its side and says in its EXIF data how to turn it upright."""
    exif = Image.Exif()
    exif[_EXIF_ORIENTATION] = _TURN_CLOCKWISE
    return saved(upright.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif.tobytes())


def png_16_bit(upright: Image.Image) -> bytes:
    """Make a grey PNG with 16 bits a pixel."""
    # 257 takes 255 to 65535.
    deep = np.asarray(upright.convert("L"), dtype=np.uint16) * 257
    return saved(Image.fromarray(deep), "PNG", compress_level=1)


def comment(text: bytes) -> bytes:
    """Write one comment segment."""
    return _COMMENT + (len(text) + 2).to_bytes(2, "big") + text


def with_comments(jpeg: bytes, comments: bytes) -> bytes:
    """Join comment segments into `jpeg`, after the JFIF header, which has to come first."""
    place = len(JPEG_START)
    if jpeg[place : place + 2] == _JFIF:
        place += 2 + int.from_bytes(jpeg[place + 2 : place + 4], "big")
    return b"".join((jpeg[:place], comments, jpeg[place:]))


def padded_jpeg(jpeg: bytes, size_bytes: int) -> bytes:
    """Fill a JPEG with comments up to exactly `size_bytes`; one that is larger already stays as it is."""
    segments, rest = divmod(max(0, size_bytes - len(jpeg)), MAX_COMMENT_BYTES + COMMENT_EXTRA_BYTES)
    comments = comment(b" " * MAX_COMMENT_BYTES) * segments
    if rest >= COMMENT_EXTRA_BYTES:
        return with_comments(jpeg, comments + comment(b" " * (rest - COMMENT_EXTRA_BYTES)))
    # Bytes after the end of the picture are ignored by every reader.
    return with_comments(jpeg, comments) + b"\0" * rest


@functools.lru_cache(maxsize=4)
def bomb(side_px: int) -> bytes:
    """Make a black PNG of `side_px` x `side_px` pixels, one bit each: small as a file, huge when unpacked, and quite valid.

    The packed rows are put together from one packed run of zeros, so making it costs next to nothing.
    """
    row_bytes = 1 + (side_px + 7) // 8
    data = _packed_zeros(row_bytes * side_px)
    header = side_px.to_bytes(4, "big") * 2 + bytes((1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _packed_zeros(count: int) -> bytes:
    """Pack `count` zero bytes as zlib would, without going through them."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    # A full flush ends at a byte and refers to nothing before it, so the run can be repeated.
    run = packer.compress(b"\0" * _RUN_BYTES) + packer.flush(zlib.Z_FULL_FLUSH)
    last = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    rest = last.compress(b"\0" * (count % _RUN_BYTES)) + last.flush()
    # Adler-32 of n zeros: the low half stays 1 and is added n times to the high one.
    checksum = ((count % _ADLER_MODULUS) << 16) | 1
    return b"\x78\xda" + run * (count // _RUN_BYTES) + rest + checksum.to_bytes(4, "big")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def saved(image: Image.Image, kind: str, **settings: Any) -> bytes:
    """Encode the picture as a file of this kind."""
    out = io.BytesIO()
    image.save(out, kind, **{"quality": _QUALITY, **settings})
    return out.getvalue()
