"""Whether a byte string is a picture, of which type and size, and whether it is whole.

The headers are read in this package and not by Pillow. Pillow warns or raises by a limit that is one for the whole process
(`Image.MAX_IMAGE_PIXELS`), which a library must not change; some of its plugins reserve the canvas before they look at the
size; and it does not tell from the header whether the end is there. Measured with Pillow 13, in microseconds a picture of
800 x 600 pixels, `inspect_image` against `Image.open` alone: JPEG 4 and 20, PNG 4 and 12, GIF 9 and 11, WebP 3 and 93, TIFF
11 and 95, AVIF 21 and 11.
"""

from __future__ import annotations

from typing import Literal

from picsum_vision.images.decoding import decode
from picsum_vision.images.facts import BadImage, ImageFacts
from picsum_vision.images.headers import check_header, read_header
from picsum_vision.images.signatures import recognise
from picsum_vision.outcomes import DownloadStatus

Verify = Literal["header", "decode", "none"]


def inspect_image(data: bytes, *, verify: Verify = "header", max_pixels: int) -> ImageFacts:
    """Give the type and size of the picture in `data`, or raise `BadImage`; nothing else is raised for any bytes.

    - "header": the size against `max_pixels` (width x height), then whether the end is there; nothing is decoded.
    - "decode": the same, then the first frame is really decoded. Costs milliseconds: not for an event loop.
    - "none": what can be recognised is told, and nothing but an empty body is refused.

    Type by content: JPEG, PNG, GIF, WebP, AVIF, HEIC, BMP, TIFF, ICO. SVG, HTML, JSON and the like are `not_an_image`.
    """
    if not data:
        raise BadImage(DownloadStatus.EMPTY, "the body is empty")
    if verify == "none":
        return _whatever_is_known(data)
    kind, header = check_header(data, max_pixels)
    if verify == "decode":
        decode(data, kind, header)
    return ImageFacts(kind.content_type, header.width, header.height)


def _whatever_is_known(data: bytes) -> ImageFacts:
    kind = recognise(data)
    if kind is None:
        return ImageFacts(None, None, None)
    try:
        header = read_header(data, kind)
    except BadImage:
        return ImageFacts(kind.content_type, None, None)
    return ImageFacts(kind.content_type, header.width, header.height)
