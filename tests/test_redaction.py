"""A key that an endpoint repeats is taken out of what it says, however it is written down."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picsum_vision.redaction import HIDDEN, Redactor

# Nothing that can be part of a key.
around = st.text(st.characters(min_codepoint=0xA1, max_codepoint=0x2FF), max_size=5)
keys = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=12, max_size=60)
WAYS: list[Callable[[str], str]] = [
    str,
    json.dumps,
    lambda text: json.dumps(text).replace("/", "\\/"),
    lambda text: quote(text, safe=""),
    quote,
    html.escape,
]


@given(key=keys, before=around, after=around, way=st.sampled_from(WAYS))
def test_no_way_of_writing_shows_the_key(key: str, before: str, after: str, way: Callable[[str], str]) -> None:
    """Whatever stands around it, the key is gone in plain, JSON, URL and HTML, and what stood around is still there."""
    body = before.encode() + way(key).encode() + after.encode()
    hidden = Redactor(key).body(body)
    assert HIDDEN.encode() in hidden
    assert way(key).strip('"').encode() not in hidden
    assert hidden.startswith(before.encode())
    assert hidden.endswith(after.encode())


@given(key=keys, before=st.binary(max_size=7), after=st.binary(max_size=7))
def test_base64_does_not_show_the_key(key: str, before: bytes, after: bytes) -> None:
    """A header in base64, as Basic authentication writes it, gives no more of the key away than its first and last letter."""
    hidden = Redactor(key).body(base64.b64encode(before + key.encode() + after))
    assert HIDDEN.encode() in hidden
    # Two letters at each end belong to what stands around as well.
    assert len(hidden.rstrip(b"=")) - len(HIDDEN) <= 4 * len(before + after) / 3 + 4


@pytest.mark.parametrize("key", [None, "EMPTY", "none", "dummy-key"])
def test_a_placeholder_is_no_key(key: str | None) -> None:
    """A short word that stands where servers want any key may well be in an answer, and stays there."""
    body = f"the box is {key}".encode()
    assert Redactor(key).body(body) == body
