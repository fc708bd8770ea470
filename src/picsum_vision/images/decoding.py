"""Pictures opened with Pillow, and everything that Pillow may raise turned into `BadImage`."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING

from PIL import Image, ImageFile
from PIL.JpegImagePlugin import JpegImageFile

from picsum_vision.images.facts import BadImage, Header, ImageFacts, broken
from picsum_vision.images.headers import check_header
from picsum_vision.outcomes import DownloadStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picsum_vision.images.signatures import Format


def open_image(data: bytes, *, max_pixels: int) -> tuple[ImageFile.ImageFile, ImageFacts]:
    """Open the picture in `data` after the checks of `inspect_image`, without decoding it yet; raise `BadImage`.

    What is then done with the image (load, convert, resize, seek) may raise nearly anything for corrupt data: do it inside
    `decoding`.
    """
    kind, header = check_header(data, max_pixels)
    with decoding(kind.content_type):
        return _opened(data, kind, header), ImageFacts(kind.content_type, header.width, header.height)


@contextlib.contextmanager
def decoding(content_type: str | None) -> Iterator[None]:
    """Turn whatever decoding raises inside into `BadImage`: `truncated`, `too_many_pixels` or `not_an_image`."""
    try:
        yield
    except BadImage:
        raise
    except Image.DecompressionBombError as error:
        raise BadImage(DownloadStatus.TOO_MANY_PIXELS, f"{content_type}: {error}") from None
    except MemoryError:
        raise BadImage(DownloadStatus.TOO_MANY_PIXELS, f"{content_type}: no memory to decode it") from None
    except Exception as error:  # noqa: BLE001 - decoders raise nearly every type for corrupt data; bytes must not end a task
        raise _as_bad_image(content_type, error) from None


def decode(data: bytes, kind: Format, header: Header) -> None:
    """Decode the first frame in full, or raise `BadImage`."""
    with decoding(kind.content_type):
        if kind.pillow_name == "PNG":
            # Damaged data often still inflate: the checksums, which loading skips, tell.
            _opened(data, kind, header).verify()
        _opened(data, kind, header).load()


def _opened(data: bytes, kind: Format, header: Header) -> ImageFile.ImageFile:
    """Open by the one plugin that the type calls for.

    Not by `Image.open`: it tries other plugins too, and warns or raises by the limit of the whole process, which is not ours
    to change, while the size has been checked here already.
    """
    if kind.pillow_name == JpegImageFile.format:
        # The registered opener also tries the file as a multi-picture one, of which the first picture is all that is wanted.
        return JpegImageFile(io.BytesIO(data))
    _refuse_beyond_pillows_limit(kind, header)
    if kind.pillow_name not in Image.OPEN:
        Image.preinit()
    if kind.pillow_name not in Image.OPEN:
        Image.init()
    if kind.pillow_name not in Image.OPEN:
        raise broken(f"{kind.content_type}, which this installation of Pillow cannot decode")
    opener, _ = Image.OPEN[kind.pillow_name]
    return opener(io.BytesIO(data), "")


def _refuse_beyond_pillows_limit(kind: Format, header: Header) -> None:
    """Refuse what some of the plugins would themselves warn of, by the limit of the process."""
    limit = Image.MAX_IMAGE_PIXELS
    if kind.pillow_name in {"GIF", "ICO", "TIFF"} and limit is not None and header.width * header.height > limit:
        size = f"{kind.content_type} of {header.width} x {header.height} pixels"
        raise BadImage(DownloadStatus.TOO_MANY_PIXELS, f"{size}: Pillow decodes at most {limit} of this type")


def _as_bad_image(content_type: str | None, error: Exception) -> BadImage:
    text = " ".join(str(error).split()) or type(error).__name__
    cut_off = isinstance(error, EOFError) or "truncated" in text.lower()
    status = DownloadStatus.TRUNCATED if cut_off else DownloadStatus.NOT_AN_IMAGE
    return BadImage(status, f"{content_type} that cannot be decoded: {text}")
