"""A compressed body is inflated whole, in small steps, however it comes, or the exchange is told that it is not whole."""

from __future__ import annotations

import gzip
import itertools
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picsum_vision.transport.failures import BrokenOff
from picsum_vision.transport.head import Head
from picsum_vision.transport.inflate import Inflater, inflater, unknown_coding

STEP_BYTES = 65_536


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


FORMS = {
    "gzip": gzip.compress,
    "gzip in two members": lambda body: gzip.compress(body[: len(body) // 3]) + gzip.compress(body[len(body) // 3 :]),
    "gzip and padding": lambda body: gzip.compress(body) + bytes(500),
    "gzip and one byte": lambda body: gzip.compress(body) + b"\x1f",
    "zlib": zlib.compress,
    "zlib, stored": lambda body: zlib.compress(body, 0),
    "raw deflate": raw_deflate,
}


def inflate(compressed: bytes, cuts: list[int]) -> bytes:
    """Inflate what comes in the pieces between the cuts."""
    steps = []
    inflating = Inflater()
    edges = [0, *sorted(cut for cut in cuts if cut < len(compressed)), len(compressed)]
    for start, end in itertools.pairwise(edges):
        inflating.take(compressed[start:end])
        while plain := inflating.step():
            steps.append(plain)
    inflating.end()
    assert all(len(plain) <= STEP_BYTES for plain in steps)
    return b"".join(steps)


cuts = st.lists(st.integers(0, 200), max_size=6)
bodies = st.one_of(st.binary(max_size=200), st.binary(min_size=1, max_size=3).map(lambda part: part * 50_000))


@given(st.sampled_from(sorted(FORMS)), bodies, cuts)
def test_inflated_whole(form: str, body: bytes, cuts: list[int]) -> None:
    """Each form that servers use comes out as it went in, whatever pieces it comes in."""
    assert inflate(FORMS[form](body), cuts) == body


@given(st.sampled_from(["gzip", "zlib", "raw deflate"]), st.binary(min_size=1, max_size=200), cuts, st.data())
def test_cut_off(form: str, body: bytes, cuts: list[int], data: st.DataObject) -> None:
    """A compressed body that ends before its end is noticed; one without a single byte is empty."""
    compressed = FORMS[form](body)
    kept = data.draw(st.integers(1, len(compressed) - 1))
    with pytest.raises(BrokenOff):
        inflate(compressed[:kept], cuts)
    assert inflate(b"", []) == b""


@given(st.binary(max_size=100), cuts)
def test_any_bytes_whatever(junk: bytes, cuts: list[int]) -> None:
    """Whatever bytes come, they are inflated, or are no whole compressed body."""
    for compressed in (junk, b"\x1f\x8b\x08" + junk, b"\x78\x9c" + junk, gzip.compress(b"x") + b"\x1f\x8b" + junk):
        with suppress(BrokenOff):
            inflate(compressed, cuts)


def test_many_empty_members() -> None:
    """A body of thousands of members with nothing in them is empty."""
    assert inflate(gzip.compress(b"") * 5_000, [7, 30_000]) == b""


def test_a_bomb_comes_in_small_steps() -> None:
    """A small body that becomes a huge one is handed out step by step, so that whoever takes it can stop."""
    inflating = Inflater()
    inflating.take(gzip.compress(bytes(50_000_000)))
    assert [len(inflating.step()) for _ in range(3)] == [STEP_BYTES] * 3


def test_what_comes_behind_the_end_is_not_kept() -> None:
    """A host that goes on and on behind the end of a compressed body fills no memory."""
    inflating = Inflater()
    inflating.take(gzip.compress(b"picture"))
    assert inflating.step() == b"picture"
    for _ in range(10):
        inflating.take(bytes(100_000))
        assert inflating.step() == b""
    inflating.end()
    kept = [getattr(inflating, name) for name in vars(inflating)]
    assert max(len(value) for value in kept if isinstance(value, bytes)) == 0


@pytest.mark.parametrize(
    ("codings", "is_inflated", "unknown"),
    [
        ([], False, None),
        ([b""], False, None),
        ([b"identity"], False, None),
        ([b"gzip"], True, None),
        ([b" GZip "], True, None),
        ([b"x-gzip"], True, None),
        ([b"deflate"], True, None),
        ([b"br"], False, "br"),
        ([b"gzip, br"], False, "gzip, br"),
        ([b"gzip", b"br"], False, "gzip, br"),
    ],
)
def test_codings(codings: list[bytes], is_inflated: bool, unknown: str | None) -> None:  # noqa: FBT001 - a case's word
    """What is known is inflated; what is not is named, however many fields say it."""
    head = Head(200, [(b"content-encoding", coding) for coding in codings])
    assert (inflater(head) is not None, unknown_coding(head)) == (is_inflated, unknown)
