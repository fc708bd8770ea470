"""Which kind of file a byte string is, by its first bytes; never by what a server says of it."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Final, NamedTuple

from picsum_vision.images import bmp, gif, heif, ico, jpeg, png, tiff, webp

if TYPE_CHECKING:
    from collections.abc import Callable

    from picsum_vision.images.facts import Header


class Format(NamedTuple):
    """A kind of picture: its media type, Pillow's name for it, and how its header and its end are read."""

    content_type: str
    pillow_name: str
    read_header: Callable[[bytes], Header]
    is_whole: Callable[[bytes, int], bool]


_BY_PREFIX: Final = (
    (b"\xff\xd8\xff", Format("image/jpeg", "JPEG", jpeg.read_header, jpeg.is_whole)),
    (b"\x89PNG\r\n\x1a\n", Format("image/png", "PNG", png.read_header, png.is_whole)),
    (b"GIF87a", Format("image/gif", "GIF", gif.read_header, gif.is_whole)),
    (b"GIF89a", Format("image/gif", "GIF", gif.read_header, gif.is_whole)),
    (b"II*\0", Format("image/tiff", "TIFF", tiff.read_header, tiff.is_whole)),
    (b"MM\0*", Format("image/tiff", "TIFF", tiff.read_header, tiff.is_whole)),
    (b"II+\0\x08\0\0\0", Format("image/tiff", "TIFF", tiff.read_header, tiff.is_whole)),
    (b"MM\0+\0\x08\0\0", Format("image/tiff", "TIFF", tiff.read_header, tiff.is_whole)),
    (b"\0\0\1\0", Format("image/x-icon", "ICO", ico.read_header, ico.is_whole)),
)
_WEBP: Final = Format("image/webp", "WEBP", webp.read_header, webp.is_whole)
_BMP: Final = Format("image/bmp", "BMP", bmp.read_header, bmp.is_whole)
_HEIF_PILLOW_NAMES: Final = {"image/avif": "AVIF", "image/heic": "HEIF"}

_OTHER_PREFIXES: Final = (
    (b"<!doctype html", "HTML"),
    (b"<html", "HTML"),
    (b"<svg", "SVG"),
    (b"<?xml", "XML"),
    (b"{", "JSON"),
    (b"[", "JSON"),
    (b"%pdf", "PDF"),
    (b"<", "markup"),
)
_LOOKED_AT: Final = 512


def recognise(data: bytes) -> Format | None:
    """Give the format of which `data` has the signature, or None."""
    for prefix, kind in _BY_PREFIX:
        if data.startswith(prefix):
            return kind
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _WEBP
    # "BM" alone begins many a text: the reserved bytes after the length are zero in every bitmap.
    if data.startswith(b"BM") and data[6:10] == b"\0\0\0\0":
        return _BMP
    heif_type = heif.content_type(data)
    if heif_type:
        return Format(heif_type, _HEIF_PILLOW_NAMES[heif_type], heif.read_header, heif.is_whole)
    return None


def name_of_other(data: bytes) -> str:
    """Name what is not a picture, as far as its first bytes tell: HTML, SVG, XML, JSON, PDF, text or unknown bytes."""
    start = data[:_LOOKED_AT].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith(b"<?xml") and b"<svg" in start:
        return "SVG"
    for prefix, name in _OTHER_PREFIXES:
        if start.startswith(prefix):
            return name
    return "text" if start and _is_text(start) else "bytes of an unknown type"


def _is_text(start: bytes) -> bool:
    """Tell whether these are characters in UTF-8, the last of them perhaps not whole."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return False
    return len(text) > 0 and all(character >= " " or character in "\t\n\r" for character in text)
