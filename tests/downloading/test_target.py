"""What a URL's text asks for."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from picsum_vision.downloading.target import Target, UnfitUrl, parse_target
from picsum_vision.transport.origin import Origin

_PARTS = st.sampled_from(
    [
        "http",
        "https",
        ":",
        "//",
        "/",
        "[",
        "]",
        "@",
        "?",
        "#",
        "::1",
        "127.1",
        "host",
        ".",
        "..",
        "%",
        "%2f",
        " ",
        "\\",
        "é",
        "\0",
        ":80",
    ]
)


def asked_of(url: str, base: str | None = None) -> tuple[Origin, str]:
    """Return whom a URL asks, and what."""
    target = parse_target(url, base)
    return target.request.origin, target.request.path.decode()


@given(st.one_of(st.text(), st.lists(_PARTS).map("".join)), st.sampled_from([None, "http://host/a/b?c"]))
@example("http://[::1]@", None)
@example("http://[x]@", None)
@example("http://user@[::1]@", None)
@example("http://a/\udcff", None)
@example("//[", "http://host/a")
def test_any_text_is_a_target_or_unfit(text: str, base: str | None) -> None:
    """Whatever stands in a row, or in a Location, is a request that can be sent or has its reason; nothing else is raised."""
    try:
        target = parse_target(text, base)
    except UnfitUrl:
        return
    path = target.request.path
    assert path.startswith(b"/")
    assert not any(byte <= 0x20 or byte >= 0x7F for byte in path)
    assert target.host.origin == target.request.origin


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("http://host", "/"),
        ("http://host?x=1", "/?x=1"),
        (
            "http://host/a%7Eb%2Cc%40d?url=http%3A%2F%2Fe.org%2Fa.jpg&s=ab%2fcd",
            "/a%7Eb%2Cc%40d?url=http%3A%2F%2Fe.org%2Fa.jpg&s=ab%2fcd",
        ),
        ("http://host/a b?c d", "/a%20b?c%20d"),
        ("http://host/città?è", "/citt%C3%A0?%C3%A8"),
        ("http://host/100%/x%zz", "/100%25/x%25zz"),
        ("http://host/a/../b/./c?d=/../e", "/b/c?d=/../e"),
        ("http://host/a#b?c", "/a"),
        ('http://host/<a>"{b}|c', "/%3Ca%3E%22%7Bb%7D%7Cc"),
        ("http://host/a+b?c+d&e[]=1", "/a+b?c+d&e[]=1"),
    ],
)
def test_path_and_query_are_asked_for_as_they_are_written(url: str, path: str) -> None:
    """A host that signs the text of its links finds it unchanged; only what no request can hold is encoded."""
    assert asked_of(url) == (Origin("http", "host", 80), path)


@pytest.mark.parametrize(
    ("location", "origin", "path"),
    [
        ("/x/y?z=%7e", Origin("https", "host", 8443), "/x/y?z=%7e"),
        ("x", Origin("https", "host", 8443), "/a/x"),
        ("../x", Origin("https", "host", 8443), "/x"),
        ("?x", Origin("https", "host", 8443), "/a/b?x"),
        ("//other/x", Origin("https", "other", 443), "/x"),
        ("http://other/x%2fy", Origin("http", "other", 80), "/x%2fy"),
        ("HTTP://Other:81/x", Origin("http", "other", 81), "/x"),
    ],
)
def test_a_location_is_relative_to_what_was_asked(location: str, origin: Origin, path: str) -> None:
    """A redirect's Location is joined to the URL that it answers, and requested as it is written."""
    assert asked_of(location, "https://host:8443/a/b?c") == (origin, path)


@pytest.mark.parametrize("location", ["http://", "http:/x", "http:x", "mailto:a@b", "ftp://host/x"])
def test_a_location_without_a_host_leads_nowhere(location: str) -> None:
    """An address with a scheme and no host is no way back to where it came from."""
    with pytest.raises(UnfitUrl):
        parse_target(location, "http://host/a")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/x", "http://127.1/x", "http://0x7f.1/x", "http://2130706433/x", "http://017700000001/x"]
)
def test_a_plain_address_is_known_for_what_it_is(url: str) -> None:
    """The quick way of reading a URL sees loopback in all its spellings, too."""
    target = parse_target(url)
    assert isinstance(target, Target)
    assert target.host.names_private_address
    assert target.host.origin.host == "127.0.0.1"


@pytest.mark.parametrize("url", ["http://host:0/x", "http://host:65536/x", "http://host:99999/x", "http://host:x/y"])
def test_a_port_that_cannot_be_is_unfit(url: str) -> None:
    """Ports go from 1 to 65,535."""
    with pytest.raises(UnfitUrl):
        parse_target(url)
