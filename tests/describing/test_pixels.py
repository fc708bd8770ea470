"""What the embedded describer measures, and how it says it."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter, features

from picsum_vision.describing.pixel_colours import COLOUR_NAMES
from picsum_vision.describing.pixels import LANGUAGES, describe_pixels, measure
from picsum_vision.errors import SettingError
from picsum_vision.images import BadImage
from picsum_vision.outcomes import DownloadStatus


def encoded(image: Image.Image, pillow_name: str = "PNG", **options: Any) -> bytes:
    """Encode `image`, losslessly unless another format is asked for."""
    stream = io.BytesIO()
    image.save(stream, pillow_name, **options)
    return stream.getvalue()


def plain(colour: str, size: tuple[int, int] = (40, 30), mode: str = "RGB") -> Image.Image:
    """Make a picture of one colour."""
    return Image.new("RGB", size, colour).convert(mode)


def halves(first: str, second: str, *, across: bool = False) -> Image.Image:
    """Make a picture whose left (or upper) half has one colour and whose other half has another."""
    image = Image.new("RGB", (80, 80), second)
    image.paste(first, (0, 0, 80, 40) if across else (0, 0, 40, 80))
    return image


def texture(width: int = 320, height: int = 320) -> Image.Image:
    """Make a picture with sharp edges of many sizes."""
    random = np.random.default_rng(3)
    blocks = sum(
        np.kron(random.integers(0, 60, (height // side, width // side)), np.ones((side, side))) for side in (4, 16, 40, 80)
    )
    return Image.fromarray(np.asarray(blocks).astype(np.uint8)).convert("RGB")


@pytest.mark.parametrize(
    ("colour", "name"),
    [
        ("#000000", "black"),
        ("#484848", "dark_grey"),
        ("#808080", "grey"),
        ("#c0c0c0", "light_grey"),
        ("#ffffff", "white"),
        ("#ff0000", "red"),
        ("#800020", "burgundy"),
        ("#ffc0cb", "pink"),
        ("#ff8c00", "orange"),
        ("#8b4513", "brown"),
        ("#d2b48c", "beige"),
        ("#ffff00", "yellow"),
        ("#808000", "olive"),
        ("#008000", "green"),
        ("#004000", "dark_green"),
        ("#90ee90", "light_green"),
        ("#40e0d0", "turquoise"),
        ("#87ceeb", "sky_blue"),
        ("#0000ff", "blue"),
        ("#000080", "navy"),
        ("#8000ff", "violet"),
        ("#ff00ff", "magenta"),
        ("#c8a2c8", "lilac"),
    ],
)
def test_colour_names(colour: str, name: str) -> None:
    """A picture of one well-known colour has that colour's name, for all of it."""
    (only,) = measure(encoded(plain(colour))).colours
    assert only.name == name
    assert only.share == pytest.approx(1)


def test_shares() -> None:
    """Two colours on halves have a share of one half each, and the halves' lightness is compared."""
    measures = measure(encoded(halves("#0000ff", "#ffff00")))
    assert {colour.name: round(colour.share, 2) for colour in measures.colours} == {"blue": 0.5, "yellow": 0.5}
    assert measures.darker_half == "left"
    assert measure(encoded(halves("white", "black", across=True))).darker_half == "bottom"
    assert measure(encoded(plain("red"))).darker_half is None


@pytest.mark.parametrize(
    ("size", "orientation"),
    [((1, 1), "square"), ((100, 98), "square"), ((80, 60), "landscape"), ((60, 80), "portrait"), ((200, 100), "panorama")],
)
def test_orientation(size: tuple[int, int], orientation: str) -> None:
    """The orientation follows from the size: square within 3 %, panorama from 2 : 1 on."""
    measures = measure(encoded(plain("green", size)))
    assert (measures.width, measures.height, measures.orientation) == (*size, orientation)


@pytest.mark.parametrize("pillow_name", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize(
    ("value", "size", "dark"), [(1, (80, 40), "left"), (3, (80, 40), "right"), (6, (40, 80), "top"), (8, (40, 80), "bottom")]
)
def test_exif_orientation(pillow_name: str, value: int, size: tuple[int, int], dark: str) -> None:
    """A picture that EXIF says to turn is measured turned, whatever its format."""
    image = halves("black", "white").resize((80, 40))
    exif = Image.Exif()
    exif[0x0112] = value
    measures = measure(encoded(image, pillow_name, exif=exif))
    assert (measures.width, measures.height, measures.darker_half) == (*size, dark)


def test_brightness_and_contrast() -> None:
    """Black is 0, white is 1 and half of each is in the middle with full contrast."""
    assert measure(encoded(plain("black"))).brightness == pytest.approx(0, abs=0.001)
    assert measure(encoded(plain("white"))).brightness == pytest.approx(1, abs=0.001)
    both = measure(encoded(halves("black", "white")))
    assert both.brightness == pytest.approx(0.5, abs=0.01)
    assert both.contrast == pytest.approx(1, abs=0.01)
    assert measure(encoded(plain("grey"))).contrast == pytest.approx(0, abs=0.001)


def test_sharpness_falls_with_blur() -> None:
    """The more a picture is blurred the less sharp it measures, from sharp to blurred in words."""
    pictures = [texture().filter(ImageFilter.GaussianBlur(radius)) for radius in (0, 1, 2, 4)]
    found = [measure(encoded(picture)).sharpness or 0 for picture in pictures]
    assert found == sorted(found, reverse=True)
    assert ", nitida" in describe_pixels(encoded(pictures[0]))
    assert ", sfocata" in describe_pixels(encoded(pictures[-1]))


def test_no_sharpness_without_steps() -> None:
    """Of a picture of one colour, or of a few pixels, no sharpness is stated."""
    assert measure(encoded(plain("red", (400, 400)))).sharpness is None
    assert measure(encoded(texture().resize((9, 9)))).sharpness is None
    assert "nitid" not in describe_pixels(encoded(plain("red", (400, 400))))


def test_grey_and_colour() -> None:
    """A picture is in greyscale by its pixels, not by its mode; saturation and tone follow the colours."""
    grey = texture().convert("L")
    assert measure(encoded(grey)).grayscale
    assert measure(encoded(grey.convert("RGB"), "JPEG")).grayscale
    assert not measure(encoded(halves("red", "grey"))).grayscale
    assert measure(encoded(plain("red"))).saturation > 0.9
    assert measure(encoded(grey)).saturation < 0.1
    tones = [measure(encoded(plain(colour))).tone for colour in ("orange", "blue", "grey")]
    assert tones == ["warm", "cool", "neutral"]


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "LAB", "I", "I;16", "I;16B", "F"]
)
def test_every_mode(mode: str) -> None:
    """White is white and wholly visible in every mode that a file can hold."""
    if mode == "F":
        image = Image.fromarray(np.ones((30, 40), dtype=np.float32))
    elif mode.startswith("I"):
        image = Image.fromarray(
            np.full((30, 40), 65_535, dtype=np.int32 if mode == "I" else np.uint16 if mode == "I;16" else ">u2")
        )
    elif mode == "LAB":
        image = Image.merge("LAB", [Image.new("L", (40, 30), level) for level in (255, 128, 128)])
    else:
        image = plain("white", mode="RGBA" if mode == "PA" else "RGB").convert("P" if mode in {"P", "PA"} else mode)
    formats = {"YCbCr": "JPEG", "CMYK": "JPEG", "LAB": "TIFF", "I": "TIFF", "I;16B": "TIFF", "F": "TIFF"}
    data = encoded(image.convert("RGB") if mode == "HSV" else image, formats.get(mode, "PNG"))
    measures = measure(data)
    assert [colour.name for colour in measures.colours] == ["white"]
    assert measures.transparency == 0
    assert measures.brightness > 0.98


def test_16_bit_levels() -> None:
    """16 bits are scaled to their own range, not cut off: a quarter of the range is dark."""
    dark = measure(encoded(Image.fromarray(np.full((30, 40), 65_535 // 4, dtype=np.uint16))))
    assert dark.brightness == pytest.approx(0.27, abs=0.02)


def test_transparency() -> None:
    """Transparent pixels count for nothing but the transparency, which is stated."""
    image = halves("red", "blue").convert("RGBA")
    image.paste((0, 255, 0, 0), (0, 0, 80, 20))
    measures = measure(encoded(image))
    assert measures.transparency == pytest.approx(0.25, abs=0.01)
    assert {colour.name for colour in measures.colours} == {"red", "blue"}
    assert "trasparente per il 25 %" in describe_pixels(encoded(image))
    assert "25% transparent" in describe_pixels(encoded(image), "en")


def test_transparent_palette() -> None:
    """A GIF with a transparent colour is as transparent as that colour's share."""
    image = Image.new("P", (10, 10), 0)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.paste(1, (0, 0, 5, 10))
    measures = measure(encoded(image, "GIF", transparency=1))
    assert measures.transparency == pytest.approx(0.5)
    assert [colour.name for colour in measures.colours] == ["red"]


def test_nothing_visible() -> None:
    """A wholly transparent picture is said to be that, without colours."""
    data = encoded(Image.new("RGBA", (9, 9), (255, 0, 0, 0)))
    assert measure(data).colours == ()
    assert describe_pixels(data) == "Immagine quadrata di 9 \N{MULTIPLICATION SIGN} 9 pixel, del tutto trasparente."
    assert describe_pixels(data, "en") == "Square image, 9 \N{MULTIPLICATION SIGN} 9 pixels, wholly transparent."


@pytest.mark.parametrize("pillow_name", ["GIF", "PNG", "WEBP"])
def test_animated(pillow_name: str) -> None:
    """An animated picture has its number of frames stated, and its first one measured."""
    if pillow_name == "WEBP" and not features.check("webp"):
        pytest.skip("this Pillow has no WebP encoder")
    data = encoded(plain("red"), pillow_name, save_all=True, append_images=[plain("blue"), plain("green")], duration=50)
    measures = measure(data)
    assert (measures.frames, measures.colours[0].name) == (3, "red")
    assert describe_pixels(data).startswith(
        "Immagine animata di 3 fotogrammi, orizzontale di 40 \N{MULTIPLICATION SIGN} 30 pixel"
    )
    assert describe_pixels(data, "en").startswith("Landscape animated image with 3 frames")


def test_one_pixel() -> None:
    """One pixel is enough for a description."""
    data = encoded(plain("red", (1, 1)))
    assert describe_pixels(data).startswith(
        "Immagine quadrata di 1 \N{MULTIPLICATION SIGN} 1 pixel, a colori. È tutta di un solo colore, il rosso;"
    )
    assert describe_pixels(data, "en").startswith(
        "Square image, 1 \N{MULTIPLICATION SIGN} 1 pixels, in colour. It is all of one colour, red;"
    )


@pytest.mark.parametrize("size", [(1, 5_000), (5_000, 1), (3, 2_000), (6_000, 4_000)])
def test_extreme_sizes(size: tuple[int, int]) -> None:
    """Very long, narrow and large pictures are measured like any other."""
    measures = measure(encoded(plain("navy", size), "JPEG"))
    assert (measures.width, measures.height, measures.colours[0].name) == (*size, "navy")


def test_pixel_bound() -> None:
    """A picture above the bound is refused by its header."""
    data = encoded(plain("red", (100, 100)))
    with pytest.raises(BadImage) as caught:
        measure(data, max_pixels=9_999)
    assert caught.value.status is DownloadStatus.TOO_MANY_PIXELS
    assert measure(data, max_pixels=10_000).width == 100


@pytest.mark.parametrize("data", [b"", b"<html></html>", encoded(texture())[:-30], encoded(texture(), "JPEG")[:2_000]])
def test_bad_bytes(data: bytes) -> None:
    """What is no whole picture raises `BadImage`, never something else and never a made-up description."""
    with pytest.raises(BadImage):
        describe_pixels(data)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_spoils_nothing() -> None:
    """A picture with a damaged EXIF block is measured as it lies."""
    data = encoded(texture(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f")
    assert measure(data).width == 320


def test_sentences() -> None:
    """A picture of two halves is described in full, in both languages."""
    data = encoded(halves("#a8d4f0", "#6b7030", across=True))
    assert describe_pixels(data) == (
        "Immagine quadrata di 80 \N{MULTIPLICATION SIGN} 80 pixel, a colori. "
        "Dominano il verde oliva (50 %) e il blu cielo (50 %); immagine di luminosità media, "
        "a contrasto medio, nitida, più scura nella metà inferiore."
    )
    assert describe_pixels(data, "en") == (
        "Square image, 80 \N{MULTIPLICATION SIGN} 80 pixels, in colour. "
        "Olive green (50%) and sky blue (50%) dominate; the image is of medium brightness, "
        "medium in contrast, sharp, darker in the lower half."
    )


@pytest.mark.parametrize("language", ["it", "IT", "it-IT", "en", "en_GB"])
def test_language_tags(language: str) -> None:
    """A language may be given with its region, in either case."""
    expected = "Immagine" if language.lower().startswith("it") else "Square"
    assert describe_pixels(encoded(plain("red", (5, 5))), language).startswith(expected)


def test_unknown_language() -> None:
    """Another language is a wrong setting, named with what is allowed."""
    with pytest.raises(SettingError, match=r"'fr'.*'it' or 'en'"):
        describe_pixels(encoded(plain("red")), "fr")


@settings(deadline=None, max_examples=150)
@given(
    width=st.integers(1, 60),
    height=st.integers(1, 60),
    mode=st.sampled_from(["RGB", "RGBA", "L", "LA"]),
    seed=st.integers(0, 1_000),
    spread=st.integers(1, 256),
)
def test_any_pixels(width: int, height: int, mode: str, seed: int, spread: int) -> None:
    """Any pixels give figures in their ranges, a sentence in each language, and the same ones again."""
    shape = (height, width, len(mode)) if len(mode) > 1 else (height, width)
    image = Image.fromarray(np.random.default_rng(seed).integers(0, spread, shape, dtype=np.uint8))
    data = encoded(image)
    measures = measure(data)
    figures = [measures.brightness, measures.contrast, measures.saturation, measures.transparency, measures.sharpness or 0]
    assert all(0 <= figure <= 1 for figure in figures)
    assert sum(colour.share for colour in measures.colours) <= 1 + 1e-6
    assert bool(measures.colours) == bool(mode[-1] != "A" or np.asarray(image)[..., -1].any())
    assert {colour.name for colour in measures.colours} <= set(COLOUR_NAMES)
    for language in LANGUAGES:
        text = describe_pixels(data, language)
        assert text == describe_pixels(data, language)
        assert text.endswith(".")
        assert "  " not in text
        assert f"{width} \N{MULTIPLICATION SIGN} {height}" in text
