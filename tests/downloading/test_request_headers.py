"""What a request is sent with: our fields, or the user's in their place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fetching import fetch
from raw_host import http, raw_host, sends

from picsum_vision import DownloadOptions, Secret

NOT_FOUND = sends(http("HTTP/1.1 404 Not Found\nContent-Length: 0"))


def fields_sent(**options: Any) -> list[tuple[str, str]]:
    """Return the header fields, names in small letters, that a request with these options has."""
    with raw_host({"/": NOT_FOUND}) as host:
        fetch(f"{host.base_url}/", **options)
        (head,) = host.heads
    return [(name.lower(), value) for name, _, value in (line.partition(": ") for line in head.splitlines()[1:])]


@pytest.mark.parametrize("name", ["User-Agent", "user-agent"])
def test_a_name_in_any_capitals_replaces_ours(name: str) -> None:
    """A field that we send too is sent once, as the user wants it; the others of ours stay."""
    sent = fields_sent(headers={name: "acme/1.0", "ACCEPT": "image/png"})
    assert sorted(key for key, _ in sent) == ["accept", "accept-encoding", "host", "user-agent"]
    assert dict(sent)["user-agent"] == "acme/1.0"
    assert dict(sent)["accept"] == "image/png"


def test_a_secret_may_be_a_whole_value(tmp_path: Path) -> None:
    """A value with a blank in it is read from where it stands, and sent as it is."""
    (tmp_path / "header").write_text("Bearer abc\n")
    assert dict(fields_sent(headers={"Authorization": Secret.file(tmp_path / "header")}))["authorization"] == "Bearer abc"


def test_an_opt_out_for_the_name_that_is_sent() -> None:
    """A host that speaks to the User-Agent among the headers is heard."""
    head = "HTTP/1.1 200 OK\nX-Robots-Tag: acme: noai\nContent-Length: 1"
    with raw_host({"/": sends(http(head, b"x"))}) as host:
        assert fetch(f"{host.base_url}/", headers={"user-agent": "acme/1.0"}).status.value == "opted_out"
        assert fetch(f"{host.base_url}/", user_agent="acme/1.0").status.value == "opted_out"
        assert fetch(f"{host.base_url}/").status.value == "not_an_image"


def test_the_name_that_is_sent() -> None:
    """It is the setting's, or that of a header; one that is secret is not told."""
    assert DownloadOptions(user_agent="a/1").sent_user_agent == "a/1"
    assert DownloadOptions(user_agent="a/1", headers={"USER-agent": "b/1"}).sent_user_agent == "b/1"
    assert DownloadOptions(user_agent="a/1", headers={"User-Agent": Secret.env("X")}).sent_user_agent == "a/1"
