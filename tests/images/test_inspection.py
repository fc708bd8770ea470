"""What `inspect_image` says of whole pictures, of cut ones and of bytes that are none."""

from __future__ import annotations

import io
import struct
import sys
import warnings
import zlib
from pathlib import Path

import pytest
from PIL import Image

from picsum_vision.images import BadImage, ImageFacts, Verify, inspect_image
from picsum_vision.outcomes import DownloadStatus

sys.path.insert(0, str(Path(__file__).parent))
from pictures import BOUND, encoded, pictures, scene

CHECKS: tuple[Verify, ...] = ("header", "decode")
EVERY_KIND = sorted(pictures())


def status_of(data: bytes, *, verify: Verify = "header", max_pixels: int = BOUND) -> str:
    """Give `ok` or the status with which the bytes are refused."""
    try:
        inspect_image(data, verify=verify, max_pixels=max_pixels)
    except BadImage as bad:
        return bad.status.value if len(bad.message.splitlines()) == 1 else "not one line"
    return DownloadStatus.OK.value


def png_of(width: int, height: int, rows: bytes = b"") -> bytes:
    """Write a PNG that states any size, whatever its data hold."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    parts = [struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.fixture(params=EVERY_KIND)
def picture(request: pytest.FixtureRequest) -> tuple[bytes, str]:
    """Give one picture of each kind with its media type."""
    return pictures()[request.param]


@pytest.mark.parametrize("verify", ["header", "decode", "none"])
def test_whole_picture(picture: tuple[bytes, str], verify: Verify) -> None:
    """A whole picture of any kind gives its type by content and its stored size, however it is checked."""
    data, content_type = picture
    assert inspect_image(data, verify=verify, max_pixels=BOUND) == ImageFacts(content_type, 96, 64)


def test_cut_at_every_point(picture: tuple[bytes, str]) -> None:
    """A picture cut after any number of bytes is refused without decoding: as truncated once its type can be told."""
    data, _ = picture
    found = {status_of(data[:length]) for length in range(16, len(data))}
    assert found == {"truncated"}
    assert {status_of(data[:length]) for length in range(1, 16)} <= {"truncated", "not_an_image"}


def test_trailing_bytes(picture: tuple[bytes, str]) -> None:
    """Padding or a camera's trailer after the end does not make a whole picture a cut one."""
    data, content_type = picture
    for trailer in (b"\0" * 7, b"\xff" * 3, b"SEFT trailer" * 9):
        assert inspect_image(data + trailer, max_pixels=BOUND).content_type == content_type


def test_pixel_bound(picture: tuple[bytes, str]) -> None:
    """A picture of exactly the bound passes and one pixel more is refused, also when only its beginning has come."""
    data, _ = picture
    assert status_of(data, max_pixels=96 * 64) == "ok"
    assert status_of(data, max_pixels=96 * 64 - 1) == "too_many_pixels"
    assert status_of(data, max_pixels=96 * 64 - 1, verify="decode") == "too_many_pixels"


@pytest.mark.parametrize("verify", CHECKS)
def test_bomb_is_refused_by_its_header(verify: Verify) -> None:
    """A few bytes that state 65,500 pixels a side are refused with no warning and no exception of Pillow's own."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert status_of(png_of(65_500, 65_500), verify=verify) == "too_many_pixels"


def test_pillows_own_limit_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound that counts is the one asked for: Pillow's process-wide limit neither refuses, nor warns, nor is changed."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind in ("jpeg", "png", "bmp"):
            assert status_of(pictures()[kind][0], verify="decode") == "ok"
    assert Image.MAX_IMAGE_PIXELS == 100


@pytest.mark.parametrize("kind", ["gif", "tiff", "deflated tiff", "ico"])
def test_beyond_pillows_own_limit(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Pillow's decoder would itself warn of is refused before it is asked; its header alone is judged by our bound."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert status_of(pictures()[kind][0], verify="decode") == "too_many_pixels"
        assert status_of(pictures()[kind][0], verify="header") == "ok"


def test_icon_hiding_a_bomb() -> None:
    """An icon whose directory says 16 x 16 is measured by the PNG inside it."""
    bomb = png_of(65_000, 65_000)
    icon = b"\0\0\1\0\1\0" + struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(bomb), 22) + bomb
    assert status_of(icon) == "too_many_pixels"


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"<!DOCTYPE html><html><body>404</body></html>", "HTML"),
        (b"\n  <html lang='it'>", "HTML"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>", "SVG"),
        (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b'\xef\xbb\xbf{"error": "not found"}', "JSON"),
        (b"%PDF-1.7\n", "PDF"),
        (b"Image does not exist\n", "text"),
        (b"BMW and other cars", "text"),
        (b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41", "unknown"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "unknown"),
        (b"\xff", "unknown"),
        (b"\0", "unknown"),
    ],
)
@pytest.mark.parametrize("verify", CHECKS)
def test_not_an_image(body: bytes, name: str, verify: Verify) -> None:
    """What is no picture is refused by its content, and the message names what it is."""
    with pytest.raises(BadImage, match=name) as caught:
        inspect_image(body, verify=verify, max_pixels=BOUND)
    assert caught.value.status is DownloadStatus.NOT_AN_IMAGE


@pytest.mark.parametrize("verify", ["header", "decode", "none"])
def test_empty(verify: Verify) -> None:
    """No bytes are refused as empty, even where nothing is checked."""
    assert status_of(b"", verify=verify) == "empty"


def test_none_refuses_nothing_but_empty(picture: tuple[bytes, str]) -> None:
    """With `verify="none"` a bomb, a cut picture and text pass, with what can be known of each."""
    data, content_type = picture
    assert inspect_image(data[:-1], verify="none", max_pixels=1).content_type == content_type
    assert inspect_image(b"<html>", verify="none", max_pixels=1) == ImageFacts(None, None, None)
    assert inspect_image(data[:16], verify="none", max_pixels=1).content_type == content_type


def test_thumbnail_is_not_the_end() -> None:
    """The end marker of an EXIF thumbnail does not make a JPEG whole that is cut after it."""
    data, _ = pictures()["jpeg with thumbnail"]
    thumbnail_end = data.index(b"\xff\xd9") + 2
    assert thumbnail_end < len(data) // 2
    assert status_of(data[:-2]) == "truncated"


def test_stored_size_of_a_rotated_picture() -> None:
    """The size is the stored one: an EXIF rotation is not applied."""
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(scene(), "JPEG", exif=exif)
    assert inspect_image(data, max_pixels=BOUND) == ImageFacts("image/jpeg", 96, 64)


@pytest.mark.parametrize("kind", ["png", "16-bit png", "palette png"])
def test_damage_that_only_decoding_finds(kind: str) -> None:
    """A PNG of the right length and structure with zeros for half its data is found by decoding."""
    data = pictures()[kind][0]
    half = len(data) // 2
    damaged = data[:half] + bytes(half - 20) + data[-(len(data) - 2 * half + 20) :]
    assert len(damaged) == len(data)
    assert status_of(damaged) == "ok"
    assert status_of(damaged, verify="decode") in {"truncated", "not_an_image"}


@pytest.mark.parametrize("kind", [kind for kind in EVERY_KIND if "webp" in kind])
def test_lying_length_is_found_by_decoding(kind: str) -> None:
    """A cut WebP whose stated length was made to match passes the header check and is found by decoding."""
    data = pictures()[kind][0][:1_000]
    cut = data[:4] + struct.pack("<I", len(data) - 8) + data[8:]
    assert status_of(cut) == "ok"
    assert status_of(cut, verify="decode") in {"truncated", "not_an_image"}


def test_pictures_without_a_picture() -> None:
    """A header and an end with nothing between them are not an image."""
    png = pictures()["png"][0]
    gif = pictures()["gif"][0]
    assert status_of(png[:33] + png[-12:]) == "not_an_image"
    assert status_of(gif[:10] + b"\0\0\0;") == "not_an_image"
    assert status_of(b"\xff\xd8\xff\xd9") == "not_an_image"


def test_size_of_zero() -> None:
    """A picture that states no width is not an image."""
    assert status_of(png_of(0, 10)) == "not_an_image"
    assert status_of(png_of(10, 0)) == "not_an_image"


def big_tiff_of(width: int, height: int) -> bytes:
    """Write the header of a BigTIFF whose sides are numbers of 64 bits."""
    fields = b"".join(struct.pack("<HHQQ", tag, 16, 1, side) for tag, side in ((256, width), (257, height)))
    return b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 2) + fields + bytes(8)


@pytest.mark.parametrize("data", [png_of(0x9000_0000, 2), png_of(2, 2**31), big_tiff_of(2**40, 2), big_tiff_of(2, 2**63)])
def test_sides_that_no_column_can_hold(data: bytes) -> None:
    """A side above 2147483647, which no format allows, is no size: refused, or not told where nothing is checked."""
    assert status_of(data) == "not_an_image"
    facts = inspect_image(data, verify="none", max_pixels=1)
    assert facts.content_type is not None
    assert (facts.width, facts.height) == (None, None)


def test_the_largest_side() -> None:
    """A side of 2147483647 is told as it is."""
    assert inspect_image(png_of(2**31 - 1, 1), verify="none", max_pixels=1) == ImageFacts("image/png", 2**31 - 1, 1)


def test_big_tiff() -> None:
    """A BigTIFF is read as well as a classic one."""
    data = encoded(scene(), "TIFF", big_tiff=True)
    if data[2] != 43:
        pytest.skip("this Pillow writes no BigTIFF")
    assert inspect_image(data, verify="decode", max_pixels=BOUND) == ImageFacts("image/tiff", 96, 64)


def test_heic_by_content() -> None:
    """A HEIC is told by its brands and its stated size, with or without a decoder for it; a cut one is noticed."""
    avif = pictures()["avif"][0] if "avif" in pictures() else pytest.skip("this Pillow has no AVIF encoder")
    heic = avif[:8] + b"heic" + avif[12:].replace(b"avif", b"heic", 1)
    assert inspect_image(heic, max_pixels=BOUND) == ImageFacts("image/heic", 96, 64)
    assert status_of(heic[:-1]) == "truncated"
    if "HEIF" not in Image.OPEN:
        assert status_of(heic, verify="decode") == "not_an_image"


def test_user_setting_for_truncated_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process in which Pillow was told to accept truncated files still has them refused."""
    monkeypatch.setattr("PIL.ImageFile.LOAD_TRUNCATED_IMAGES", True)
    assert status_of(pictures()["jpeg"][0][:-40], verify="decode") == "truncated"


def test_many_steps_are_bounded() -> None:
    """Files made of millions of tiny parts are judged, not walked to their end."""
    png = pictures()["png"][0]
    tiny_chunk = struct.pack(">I", 0) + b"teSt" + struct.pack(">I", zlib.crc32(b"teSt"))
    assert status_of(png[:33] + tiny_chunk * 100_000 + png[33:]) == "ok"
    assert status_of(png[:33] + tiny_chunk * 100_000) == "truncated"
    jpeg = pictures()["jpeg"][0]
    assert status_of(jpeg[:2] + b"\xff\xfe\0\2" * 100_000 + jpeg[2:]) == "not_an_image"
    gif = pictures()["gif"][0]
    assert status_of(gif[:-1] + b"!\xfe\1a\0" * 100_000 + b";") == "ok"
    assert status_of(gif[:-1] + b"!\xfe\1a\0" * 100_000) == "truncated"


def test_decoded_size_is_the_stated_one(picture: tuple[bytes, str]) -> None:
    """The size read from the header is the size that Pillow decodes."""
    data, _ = picture
    facts = inspect_image(data, max_pixels=BOUND)
    with Image.open(io.BytesIO(data)) as image:
        assert (facts.width, facts.height) == image.size
