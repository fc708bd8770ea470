"""What the embedded model server measures in images, and how it counts tokens."""

from __future__ import annotations

import hashlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from picsum_vision.testing.model_server.answers import pixels
from picsum_vision.testing.model_server.answers.tokens import count_text_tokens, cut_to_tokens
from picsum_vision.testing.model_server.errors import ApiError


def measure(data: bytes) -> pixels.PixelFacts:
    """Return what is measured in the image."""
    return pixels.measure(data, hashlib.sha256(data).hexdigest())


def photograph(mode: str = "RGB", size: tuple[int, int] = (400, 300)) -> Image.Image:
    """Return a picture with some structure."""
    small = [Image.effect_noise((12, 9), 90).resize(size, Image.Resampling.BICUBIC) for _ in range(3)]
    return Image.merge("RGB", small).convert(mode)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """Return the image as a file."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("colour", "name"),
    [
        ("red", "red"),
        ("orange", "orange"),
        ("saddlebrown", "brown"),
        ("yellow", "yellow"),
        ("green", "green"),
        ("cyan", "cyan"),
        ("blue", "blue"),
        ("purple", "purple"),
        ("hotpink", "pink"),
        ("lightpink", "pink"),
        ("black", "black"),
        ("white", "white"),
        ("grey", "grey"),
    ],
)
def test_a_colour_has_its_everyday_name(colour: str, name: str) -> None:
    """A picture of one colour must be named as people name it."""
    assert measure(saved(Image.new("RGB", (40, 30), colour), "PNG")).colours == (name,)


def test_brightness_goes_from_black_to_white() -> None:
    """Black must measure 0, and white 100."""
    assert measure(saved(Image.new("L", (20, 20), 0), "PNG")).brightness == 0
    assert measure(saved(Image.new("L", (20, 20), 255), "PNG")).brightness == 100


@pytest.mark.parametrize("mode", ["P", "RGBA", "LA", "1", "L"])
def test_unusual_pixel_modes_are_read(mode: str) -> None:
    """Palettes, transparency and bitmaps must be read as any other image."""
    image = photograph("RGBA" if mode in ("RGBA", "LA") else "RGB").convert(mode)
    assert measure(saved(image, "PNG")).width == 400


@pytest.mark.parametrize(("kind", "progressive"), [("JPEG", True), ("JPEG", False), ("PNG", False), ("WEBP", False)])
def test_an_image_cut_anywhere_is_refused(kind: str, progressive: bool) -> None:  # noqa: FBT001 - a case
    """A truncated file must be refused wherever it ends."""
    data = saved(photograph(), kind, progressive=progressive)
    for share in (0.01, 0.1, 0.5, 0.9, 0.98):
        with pytest.raises(ApiError):
            measure(data[: int(len(data) * share)])


@given(st.binary(max_size=200), st.sampled_from([b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF"]))
def test_any_bytes_are_measured_or_refused(data: bytes, start: bytes) -> None:
    """Bytes that are no image must be refused with 400 and nothing else."""
    with pytest.raises(ApiError) as caught:
        measure(start + data)
    assert caught.value.status == 400


@given(st.text(max_size=200), st.integers(1, 50))
def test_tokens_cover_the_text_and_a_cut_counts_as_cut(text: str, limit: int) -> None:
    """The pieces must cover the text, and a text cut to n tokens must be its start with at most n tokens."""
    assert cut_to_tokens(text, len(text)) == text
    short = cut_to_tokens(text, limit)
    assert text.startswith(short)
    assert count_text_tokens(short) == min(limit, count_text_tokens(text))
