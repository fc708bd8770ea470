"""Thumbnails: small in pixels and in bytes, the right way up."""

from __future__ import annotations

import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from picsum_vision.images.facts import BadImage
from picsum_vision.images.thumbnails import ThumbnailSize, thumbnail


def encoded(image: Image.Image, kind: str = "JPEG", **settings) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **settings)
    return buffer.getvalue()


def noise(width: int, height: int) -> Image.Image:
    return Image.frombytes("RGB", (width, height), random.Random(1).randbytes(3 * width * height))


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


@given(width=st.integers(1, 700), height=st.integers(1, 700), max_side_px=st.integers(16, 300), max_bytes=st.integers(1, 20_000))
def test_never_larger_than_asked(width, height, max_side_px, max_bytes):
    """A thumbnail keeps both bounds, or there is none."""
    small = thumbnail(encoded(noise(width, height), "BMP"), ThumbnailSize(max_side_px=max_side_px, max_bytes=max_bytes))
    if small is not None:
        assert len(small) <= max_bytes
        assert max(opened(small).size) <= max_side_px


def test_a_photograph_keeps_its_shape():
    """The longest side is the one asked for, and the other in proportion."""
    small = thumbnail(encoded(noise(800, 600)), ThumbnailSize(max_bytes=100_000))
    assert small is not None
    assert opened(small).size == (240, 180)
    assert opened(small).format == "WEBP"


def test_noise_gets_smaller_until_it_fits():
    """What does not compress becomes coarser and then smaller, rather than too large a file."""
    small = thumbnail(encoded(noise(800, 600)), ThumbnailSize(max_bytes=2_000))
    assert small is not None
    assert len(small) <= 2_000
    assert max(opened(small).size) < 240


def test_without_webp_it_is_a_jpeg(monkeypatch):
    """Where Pillow has no WebP, the thumbnail is a JPEG."""
    monkeypatch.setattr("picsum_vision.images.thumbnails.features.check", lambda _: False)
    small = thumbnail(encoded(noise(80, 60)), ThumbnailSize())
    assert small is not None
    assert opened(small).format == "JPEG"


def test_it_stands_upright_on_white():
    """A picture is turned as its EXIF says, and what is transparent is white."""
    exif = Image.Exif()
    exif[0x0112] = 6
    small = thumbnail(encoded(noise(300, 100), exif=exif), ThumbnailSize())
    assert small is not None
    assert opened(small).size == (80, 240)
    clear = thumbnail(encoded(Image.new("RGBA", (50, 50), (255, 0, 0, 0)), "PNG"), ThumbnailSize())
    assert clear is not None
    assert opened(clear).convert("RGB").getpixel((25, 25)) == (255, 255, 255)


@pytest.mark.parametrize("data", [b"", b"<html>", b"\xff\xd8\xff\xe0" + b"0" * 50])
def test_no_picture_is_a_bad_image(data):
    """Bytes that are no picture raise BadImage and nothing else."""
    with pytest.raises(BadImage):
        thumbnail(data, ThumbnailSize())
