"""Every byte string gives facts or `BadImage`, and nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from picsum_vision.images import BadImage, ImageFacts, Verify, inspect_image
from picsum_vision.outcomes import DownloadStatus

sys.path.insert(0, str(Path(__file__).parent))
from pictures import BOUND, pictures

ALLOWED = {DownloadStatus.EMPTY, DownloadStatus.NOT_AN_IMAGE, DownloadStatus.TOO_MANY_PIXELS, DownloadStatus.TRUNCATED}
SIGNATURES = sorted({data[:length] for data, _ in pictures().values() for length in (8, 16, 40)})
CHECKS = st.sampled_from(["header", "decode", "none"])


def judge(data: bytes, verify: Verify, max_pixels: int) -> None:
    """Check the one promise: facts within the bound, or one of four statuses."""
    found: ImageFacts | DownloadStatus
    try:
        found = inspect_image(data, verify=verify, max_pixels=max_pixels)
    except BadImage as bad:
        found = bad.status
    assert isinstance(found, ImageFacts) or found in ALLOWED
    if isinstance(found, ImageFacts) and verify != "none":
        assert found.width is not None
        assert found.height is not None
        assert 0 < found.width * found.height <= max_pixels


@settings(deadline=None, max_examples=400)
@given(start=st.sampled_from([b"", *SIGNATURES]), rest=st.binary(max_size=400), verify=CHECKS)
def test_random_bytes(start: bytes, rest: bytes, verify: Verify) -> None:
    """Random bytes, with or without a signature before them, are judged and never raise anything else."""
    judge(start + rest, verify, BOUND)


@settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(
    kind=st.sampled_from(sorted(pictures())),
    flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 7), st.booleans()), min_size=1, max_size=6),
    verify=CHECKS,
)
def test_flipped_bits(kind: str, flips: list[tuple[float, int, bool]], verify: Verify) -> None:
    """A real picture with some bits flipped, in its header or anywhere, is judged and never raises anything else."""
    data = bytearray(pictures()[kind][0])
    for where, bit, in_header in flips:
        data[int(where * (min(len(data), 200) if in_header else len(data)))] ^= 1 << bit
    judge(bytes(data), verify, BOUND)


@settings(deadline=None, max_examples=300)
@given(kind=st.sampled_from(sorted(pictures())), share=st.floats(0, 1), verify=CHECKS, max_pixels=st.integers(0, 10_000))
def test_cut_and_bounded(kind: str, share: float, verify: Verify, max_pixels: int) -> None:
    """A cut picture under any bound is judged and never raises anything else."""
    data = pictures()[kind][0]
    judge(data[: int(share * len(data))], verify, max_pixels)


@pytest.mark.parametrize("kind", sorted(pictures()))
def test_every_byte_of_the_header_set_to_the_extremes(kind: str) -> None:
    """Each of the first 300 bytes at 0 and at 255 leaves a picture that is judged and never raises anything else."""
    data = pictures()[kind][0]
    for offset in range(min(300, len(data))):
        for value in (0, 255):
            judge(data[:offset] + bytes([value]) + data[offset + 1 :], "header", BOUND)
