"""Images made fit for a model: small enough, in a format that models take, the right way up, and not touched for nothing."""

from __future__ import annotations

import functools
import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pictures import encoded, pictures, scene
from PIL import Image, JpegImagePlugin

from picsum_vision.describing.fit_size import size_when_sent
from picsum_vision.images.facts import BadImage
from picsum_vision.images.fitting import FitImage, PayloadTooLarge, fit_image, image_as_it_is

LARGE = 10_000_000
RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


def fit(data: bytes, *, side: int = 1024, quality: int = 85, max_bytes: int = LARGE) -> FitImage:
    """Make fit, with the defaults of the options."""
    return fit_image(data, max_side_px=side, jpeg_quality=quality, max_bytes=max_bytes)


def opened(made: FitImage) -> Image.Image:
    """Decode what is sent; its type and size are those that are told."""
    image = Image.open(io.BytesIO(made.data))
    assert image.size == (made.width, made.height)
    assert Image.MIME[image.format or ""] == made.content_type
    return image.convert("RGB")


def pixel(made: FitImage, x: float, y: float) -> tuple[int, ...]:
    """Give the colour at a place, from 0 to 1 of width and height."""
    image = opened(made)
    found = image.getpixel((int(x * (image.width - 1)), int(y * (image.height - 1))))
    assert isinstance(found, tuple)
    return found


def is_near(found: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Tell whether a colour is another one but for what JPEG does to it."""
    return max(abs(one - other) for one, other in zip(found, wanted, strict=True)) < 24


@pytest.mark.parametrize("kind", list(pictures()))
@pytest.mark.parametrize("side", [48, 96])
def test_what_needs_no_change_is_told_without_decoding(kind: str, side: int) -> None:
    """An image is sent as it stands exactly where making it fit would leave it unchanged."""
    data, _ = pictures()[kind]
    told = image_as_it_is(data, max_side_px=side, max_bytes=LARGE)
    made = fit(data, side=side)
    assert told == (made if made.data is data else None)


@pytest.mark.parametrize("kind", ["jpeg", "grey jpeg", "progressive jpeg", "png", "palette png", "webp"])
def test_what_is_fit_already_is_sent_as_it_is(kind: str) -> None:
    """A format that models take, small enough in pixels and bytes, leaves byte for byte as it came."""
    if kind not in pictures():
        pytest.skip(f"this Pillow writes no {kind}")
    data, content_type = pictures()[kind]
    made = fit(data, side=96, max_bytes=len(data))
    assert (made.data, made.content_type, made.width, made.height) == (data, content_type, 96, 64)


@pytest.mark.parametrize("kind", sorted(pictures()))
def test_every_kind_becomes_what_models_take(kind: str) -> None:
    """Each kind of picture is sent as JPEG, PNG or WebP, still, opaque, in 8 bits of grey or RGB, and looks the same."""
    data, _ = pictures()[kind]
    made = fit(data)
    image = Image.open(io.BytesIO(made.data))
    assert image.format in ("JPEG", "PNG", "WEBP")
    assert image.mode in ("RGB", "L", "P")
    assert getattr(image, "n_frames", 1) == 1
    assert "transparency" not in image.info
    before, after = (Image.open(io.BytesIO(each)) for each in (data, made.data))
    if kind not in ("alpha webp", "16-bit png"):  # compared with what they become in tests of their own
        difference = np.asarray(before.convert("L"), float) - np.asarray(after.convert("L"), float)
        assert abs(difference).mean() < 12


@pytest.mark.parametrize(("width", "height"), [(4000, 3000), (3000, 4000), (8000, 1000), (1000, 8000), (1025, 1), (1, 1025)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_the_longest_side_is_bounded(width: int, height: int, kind: str) -> None:
    """The longest side becomes the asked one, the shape is kept, and the size is the one that an estimate expects."""
    data = encoded(Image.new("RGB", (width, height), RED), kind)
    made = fit(data)
    assert max(made.width, made.height) == 1024
    assert (made.width, made.height) == size_when_sent(data, 1024)
    assert is_near(pixel(made, 0.5, 0.5), RED)


@pytest.mark.parametrize(
    ("size", "decoded"), [((4000, 3000), (2000, 1500)), ((9000, 1200), (1125, 150)), ((1100, 900), (1100, 900))]
)
def test_a_large_jpeg_is_decoded_small(monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], decoded: tuple[int, int]) -> None:
    """A JPEG is decoded at the smallest of the whole, half, quarter and eighth that is large enough, long ones too."""
    seen: list[tuple[int, int]] = []
    load = JpegImagePlugin.JpegImageFile.load

    def watched(image: Any) -> Any:
        seen.append(image.size)
        return load(image)

    monkeypatch.setattr(JpegImagePlugin.JpegImageFile, "load", watched)
    fit(encoded(Image.new("RGB", size, RED), "JPEG"))
    assert set(seen) == {decoded}


def with_orientation(orientation: int, kind: str, width: int = 60, height: int = 40) -> bytes:
    """Encode a picture that, turned as its EXIF says, is 60 x 40 with red above blue."""
    image = Image.new("RGB", (width, height), BLUE)
    image.paste(RED, (0, 0, width, height // 2))
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's numbers of what undoes each turn
    stored = image if orientation == 1 else image.transpose(Image.Transpose(back[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(stored, kind, exif=exif)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("side", [1024, 30])
def test_the_picture_is_turned_as_its_exif_says(orientation: int, kind: str, side: int) -> None:
    """Whatever the EXIF orientation, the model sees the picture upright, and no EXIF turns it once more."""
    data = with_orientation(orientation, kind)
    made = fit(data, side=side)
    assert (made.width, made.height) == ((60, 40) if side == 1024 else (30, 20))
    assert is_near(pixel(made, 0.5, 0.1), RED)
    assert is_near(pixel(made, 0.5, 0.9), BLUE)
    assert Image.open(io.BytesIO(made.data)).getexif().get(0x0112, 1) == 1
    assert (made.data == data) == (orientation == 1 and kind != "TIFF" and side == 1024)


def test_an_orientation_that_is_no_number_spoils_nothing() -> None:
    """A picture whose EXIF gives a word for the orientation is taken as upright."""
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x02\0\0\0\x04abc\0\0\0\0\0"
    data = encoded(scene(), "JPEG", exif=exif)
    assert fit(data).data == data
    assert fit(data, side=48).width == 48


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "RGB with a transparent colour", "L with a transparent grey"])
def test_what_is_transparent_is_put_on_white(mode: str) -> None:
    """Behind whatever a picture lets through, the model sees white."""
    rgba = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    rgba.paste((10, 10, 10, 255), (0, 0, 20, 40))
    options: dict[str, Any] = {}
    if "with" in mode:
        image = rgba.convert(mode.partition(" ")[0])
        image.paste(Image.new(image.mode, (20, 40), 0), (20, 0))
        options = {"transparency": (0, 0, 0) if image.mode == "RGB" else 0}
    else:
        image = rgba.convert("RGBA").quantize() if mode == "P" else rgba.convert(mode)
    made = fit(encoded(image, "PNG", **options))
    assert is_near(pixel(made, 0.1, 0.5), (10, 10, 10))
    assert is_near(pixel(made, 0.95, 0.5), WHITE)


def test_half_transparent_is_half_white() -> None:
    """What is half transparent is seen as a mixture with white."""
    assert is_near(pixel(fit(encoded(Image.new("RGBA", (40, 40), (0, 0, 0, 128)), "PNG")), 0.5, 0.5), (127, 127, 127))


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_the_first_frame_of_an_animation_is_sent(kind: str) -> None:
    """Of an animation the model sees the first frame."""
    frames = [Image.new("RGB", (40, 40), colour) for colour in (RED, BLUE, WHITE)]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)
    assert is_near(pixel(fit(data), 0.5, 0.5), RED)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_becomes_rgb(kind: str) -> None:
    """A picture for print has its colours on the screen."""
    made = fit(encoded(Image.new("RGB", (40, 40), RED).convert("CMYK"), kind))
    assert is_near(pixel(made, 0.5, 0.5), RED)


def rgb_of_16_bits() -> bytes:
    """Write a PNG of 16 bits a channel, which Pillow reads but does not write."""
    rows = b"".join(b"\0" + struct.pack(">HHH", 0xFFFF, 0, 0) * 8 for _ in range(8))
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    made = b"\x89PNG\r\n\x1a\n"
    for name, content in chunks:
        made += struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
    return made


def test_deep_colours_become_plain_ones() -> None:
    """16 bits a channel become 8, and the colour stays."""
    made = fit(rgb_of_16_bits())
    assert made.content_type == "image/jpeg"
    assert is_near(pixel(made, 0.5, 0.5), RED)


@pytest.mark.parametrize(
    ("kind", "values", "grey"),
    [
        ("PNG", np.uint16(32768), 128),
        ("TIFF", np.uint16(32768), 128),
        ("TIFF", np.array(32768, ">u2"), 128),
        ("TIFF", np.int32(100), 100),
        ("TIFF", np.float32(0.5), 128),
        ("TIFF", np.float32(100), 100),
    ],
)
def test_deep_greys_keep_their_light(kind: str, values: Any, grey: int) -> None:
    """Grey of 16 or 32 bits, or as a fraction, is as light as it was; none of it is cut off at white."""
    data = encoded(Image.fromarray(np.full((40, 40), values)), kind)
    assert is_near(pixel(fit(data), 0.5, 0.5), (grey, grey, grey))


@functools.cache
def noise(width: int, height: int, kind: str) -> bytes:
    """Encode noise, which compresses badly."""
    values = np.random.default_rng(width * 1_000 + height).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return encoded(Image.fromarray(values), kind)


def test_quality_goes_before_size() -> None:
    """Where a coarser JPEG is enough, no pixel is given up for a few bytes."""
    data = encoded(scene(640, 480), "PNG")
    fine, coarse = fit(data, max_bytes=len(data) - 1), fit(data, max_bytes=60_000)
    smaller = fit(data, max_bytes=20_000)
    assert (fine.width, coarse.width) == (640, 640)
    assert len(coarse.data) <= 60_000 < len(fine.data)
    assert smaller.width < 640
    assert len(smaller.data) <= 20_000


@given(
    width=st.integers(1, 260),
    height=st.integers(1, 260),
    kind=st.sampled_from(["JPEG", "PNG", "BMP"]),
    side=st.integers(16, 300),
    max_bytes=st.integers(1_500, 60_000),
)
def test_any_picture_fits_any_bounds(width: int, height: int, kind: str, side: int, max_bytes: int) -> None:
    """Whatever the size and the bounds, both bounds are kept, and the shape to within a pixel."""
    data = noise(width, height, kind)
    try:
        made = fit(data, side=side, max_bytes=max_bytes)
    except PayloadTooLarge:
        # No picture of 85 pixels or less, which is where the last step may end, needs more than this.
        assert max_bytes < 6_000
        return
    assert max(made.width, made.height) <= side
    assert len(made.data) <= max_bytes
    scale = max(made.width, made.height) / max(width, height)
    assert scale <= 1
    assert abs(made.width - width * scale) <= 1
    assert abs(made.height - height * scale) <= 1
    assert opened(made)


@given(
    size=st.tuples(st.integers(1, 200), st.integers(1, 200)),
    side=st.integers(16, 300),
    bounds=st.tuples(st.integers(800, 40_000), st.integers(800, 40_000)),
)
def test_more_room_is_never_a_smaller_picture(size: tuple[int, int], side: int, bounds: tuple[int, int]) -> None:
    """A larger bound in bytes gives a picture of at least as many pixels."""
    data = noise(*size, "BMP")
    assume(bounds[0] != bounds[1])
    less, more = sorted(bounds)
    try:
        small = fit(data, side=side, max_bytes=less)
    except PayloadTooLarge:
        return
    assert fit(data, side=side, max_bytes=more).width >= small.width


def test_what_cannot_be_made_small_enough_is_refused() -> None:
    """A bound that not even the smallest picture keeps is told as such, not as a broken image."""
    with pytest.raises(PayloadTooLarge):
        fit(noise(200, 200, "PNG"), max_bytes=300)


def test_sides_longer_than_jpeg_has_are_shrunk() -> None:
    """A side that JPEG cannot have is made shorter, whatever the setting allows."""
    made = fit(encoded(Image.new("L", (70_000, 4), 90), "TIFF"), side=100_000)
    assert made.width <= 65_500


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF", "JPEG"])
def test_bombs_are_refused_before_they_are_decoded(kind: str) -> None:
    """A header that announces more pixels than memory has is refused by its header alone."""
    data = bytearray(encoded(Image.new("L" if kind != "JPEG" else "RGB", (8, 8)), kind))
    if kind == "PNG":
        data[16:24] = struct.pack(">II", 60_000, 60_000)
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    elif kind == "BMP":
        data[18:26] = struct.pack("<ii", 60_000, 60_000)
    elif kind == "GIF":
        data[6:10] = struct.pack("<HH", 60_000, 60_000)
    else:
        frame = data.index(b"\xff\xc0")
        data[frame + 5 : frame + 9] = struct.pack(">HH", 60_000, 60_000)
    with pytest.raises(BadImage) as refused:
        fit(bytes(data))
    assert refused.value.status.value == "too_many_pixels"


def test_heic_says_what_is_missing() -> None:
    """A HEIC that this Pillow cannot decode is no image that can be sent, and the message names the type."""
    if "HEIF" in Image.OPEN:
        pytest.skip("this Pillow decodes HEIC")
    ispe = struct.pack(">I4sIII", 20, b"ispe", 0, 8, 8)
    ipco = struct.pack(">I4s", 8 + len(ispe), b"ipco") + ispe
    iprp = struct.pack(">I4s", 8 + len(ipco), b"iprp") + ipco
    meta = struct.pack(">I4sI", 12 + len(iprp), b"meta", 0) + iprp
    data = struct.pack(">I4s4sI4s", 20, b"ftyp", b"heic", 0, b"heic") + meta + struct.pack(">I4s", 16, b"mdat") + bytes(8)
    with pytest.raises(BadImage, match="image/heic"):
        fit(data)
