"""The pictures behind the image server: routes, catalogue, encodings, cache, odd pictures."""

from __future__ import annotations

import asyncio
import hashlib
import io
import subprocess
import sys
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageStat

from picsum_vision.testing.image_server.pictures import odd_pictures, photographs
from picsum_vision.testing.image_server.pictures.cache import PictureCache, Rendering, encode, stamped
from picsum_vision.testing.image_server.pictures.catalogue import LAST_ID, MISSING_IDS, Catalogue
from picsum_vision.testing.image_server.pictures.odd_pictures import JPEG_START
from picsum_vision.testing.image_server.routes import Refusal, read_target

SMALL = Rendering(width=80, height=60)


def opened(data: bytes) -> Image.Image:
    """Decode a picture."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@given(st.text(max_size=40))
def test_any_target_is_read(text: str) -> None:
    """Whatever stands in a request's target is read as something, never as an error of ours."""
    assert read_target("/" + text) is not None


@given(st.integers(0, 5000), st.integers(0, 5000))
def test_sizes_are_read_as_written(width: int, height: int) -> None:
    """Width and height come out of the path as they were written."""
    asked = read_target(f"/id/1/{width}/{height}")
    assert not isinstance(asked, Refusal)
    assert (getattr(asked, "width", None), getattr(asked, "height", None)) == (width, height)


@given(st.text(max_size=20))
def test_seeds_lead_to_pictures_that_exist(seed: str) -> None:
    """Any seed leads to an id of the catalogue, the same in another catalogue of the same ids."""
    found = Catalogue().of_seed(seed)
    assert Catalogue().find(str(found)) == found == Catalogue().of_seed(seed)


@given(st.integers(-5, LAST_ID + 50))
def test_exactly_the_ids_that_are_not_missing_exist(number: int) -> None:
    """An id exists from 1 to the last one unless it is a hole."""
    assert (Catalogue().find(str(number)) == number) == (1 <= number <= LAST_ID and number not in MISSING_IDS)


def test_pictures_differ_clearly() -> None:
    """Any two of the first twenty views differ by more than noise."""
    views = [photographs.picture(number, 40, 30) for number in range(20)]
    differences = [
        sum(ImageStat.Stat(ImageChops.difference(one, other)).mean) / 3
        for place, one in enumerate(views)
        for other in views[place + 1 :]
    ]
    assert min(differences) > 5


def test_the_same_id_shows_the_same_at_another_size() -> None:
    """A picture at twice the size shows the same scene."""
    large = photographs.picture(4, 160, 120).resize((80, 60), Image.Resampling.BOX)
    assert sum(ImageStat.Stat(ImageChops.difference(large, photographs.picture(4, 80, 60))).mean) / 3 < 6


def test_average_size_is_that_of_the_real_service() -> None:
    """JPEGs of 800 x 600 have about 44 kB on average."""
    sizes = [len(encode(number, Rendering(width=800, height=600))) for number in range(photographs.photograph_count() * 2)]
    assert 36_000 < sum(sizes) / len(sizes) < 52_000


def test_pictures_are_drawn_where_no_photographs_are_installed() -> None:
    """Without the photograph packages there are as many drawn pictures, and they differ."""
    code = (
        "import sys; sys.modules['sklearn'] = sys.modules['skimage'] = None\n"
        "import importlib.util as u; real = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name in ('sklearn', 'skimage') else real(name, *rest)\n"
        "from picsum_vision.testing.image_server.pictures import photographs as p\n"
        "pictures = {p.picture(n, 40, 30).tobytes() for n in range(12)}\n"
        "print(len(p.photograph_files()), p.photograph_count(), len(pictures))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "12", "12"]


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_a_stamp_changes_the_bytes_and_no_pixel(suffix: str) -> None:
    """Each id's file has a hash of its own, and ids that share a view share every pixel."""
    encoded = encode(3, Rendering(width=80, height=60, suffix=suffix))
    files = [stamped(encoded, number) for number in range(1, 200)]
    assert len({hashlib.sha256(data).digest() for data in files}) == len(files)
    assert {opened(data).tobytes() for data in files} == {opened(encoded).tobytes()}


def test_cache_stays_within_its_bytes_and_encodes_once() -> None:
    """Requests at once for one picture share one encoding, and old encodings are dropped beyond the bound."""
    one = len(encode(0, SMALL))

    async def fill() -> tuple[list[bytes], int, int]:
        cache = PictureCache(distinct_pictures=50, max_bytes=one * 3)
        same = await asyncio.gather(*(cache.get(0, SMALL) for _ in range(5)))
        for number in range(30):
            await cache.get(number, SMALL)
        held = sum(len(data) for data in cache._encoded.values())
        return same, held, cache._bytes

    same, held, counted = asyncio.run(fill())
    assert len(set(same)) == 1
    assert 0 < held == counted <= one * 3


@settings(deadline=None)
@given(st.integers(0, 200_000))
def test_padding_is_exact(extra: int) -> None:
    """A padded JPEG has exactly the asked bytes and the same pixels."""
    jpeg = encode(1, Rendering(width=8, height=8))
    padded = odd_pictures.padded_jpeg(jpeg, len(jpeg) + extra)
    assert len(padded) == len(jpeg) + extra
    assert padded.startswith(JPEG_START)
    assert opened(padded).tobytes() == opened(jpeg).tobytes()


@pytest.mark.parametrize("side", [1, 7, 8, 2000, 4100])
def test_bomb_is_a_valid_png_of_its_size(side: int) -> None:
    """The bomb inflates to all the black pixels that it claims."""
    image = opened(odd_pictures.bomb(side))
    assert (image.size, image.getextrema()) == ((side, side), (0, 0))


def test_bomb_is_small_and_huge() -> None:
    """By default some 100 kB unpack to 900 million pixels."""
    data = odd_pictures.bomb(30_000)
    assert len(data) < 200_000
    start = data.index(b"IDAT") + 4
    unpacker, total = zlib.decompressobj(), 0
    rest = data[start : start + int.from_bytes(data[start - 8 : start - 4], "big")]
    while rest and not unpacker.eof:
        total += len(unpacker.decompress(rest, 1_000_000))
        rest = unpacker.unconsumed_tail
    assert total == 30_000 * (1 + 3_750)
