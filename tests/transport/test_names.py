"""Names that do not resolve, or never answer, are told apart and keep nobody waiting."""

# ruff: noqa: D102, D107 - helpers of tests say by their names what they are

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from fetching import fetch, fetch_all

from picsum_vision.testing.image_server import ImageServer


class NameServer:
    """Stands before the system's getaddrinfo: some names are unknown, some fail for now, some never answer, one is loopback."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.asked_for_usable: Counter[str] = Counter()
        self.has_loopback_only = False
        self.release = threading.Event()
        self._really = socket.getaddrinfo

    def getaddrinfo(self, host: str, *rest: object, **more: Any) -> object:
        self.asked[host] += 1
        if more.get("flags", 0) & socket.AI_ADDRCONFIG:
            self.asked_for_usable[host] += 1
            if self.has_loopback_only:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if host.startswith("unknown"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if host.startswith("later"):
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        if host.startswith("hanging"):
            self.release.wait(30)
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return self._really("127.0.0.1" if host.endswith(".test") else host, *rest, **more)  # type: ignore[arg-type] - passed on


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    """Put the name server in the system's place; nobody hangs on afterwards."""
    server = NameServer()
    monkeypatch.setattr(socket, "getaddrinfo", server.getaddrinfo)
    yield server
    server.release.set()


def test_an_unknown_name_is_asked_for_once(names: NameServer) -> None:
    """A name that does not exist is `dns` after one attempt: it has no usable address, and none at all."""
    told = fetch("http://unknown.test/picture.jpg").outcome
    assert (told.status.value, told.http_status, told.attempts) == ("dns", None, 1)
    assert (names.asked["unknown.test"], names.asked_for_usable["unknown.test"]) == (2, 1)


def test_a_machine_that_has_loopback_only(names: NameServer) -> None:
    """Where the system finds no usable address for any name, names and written addresses are reached all the same."""
    names.has_loopback_only = True
    with ImageServer() as server:
        port = server.base_url.rpartition(":")[2]
        rows = fetch_all([f"http://{host}:{port}/id/1/80/60" for host in ("fine.test", "127.0.0.1", "127.1")])
    assert {row.status.value for row in rows} == {"ok"}
    assert names.asked_for_usable["127.0.0.1"] == 0


def test_a_name_that_fails_for_now_is_asked_for_again(names: NameServer) -> None:
    """A lookup that failed for now is tried again, up to max_attempts, and is `dns` in the end."""
    told = fetch("http://later.test/picture.jpg", max_attempts=3).outcome
    assert (told.status.value, told.attempts) == ("dns", 3)
    assert names.asked["later.test"] == 3


def test_names_that_never_answer_keep_no_other_waiting(names: NameServer) -> None:
    """With 100 names whose lookups hang, they are `timeout` within their deadline and all others are ok."""
    with ImageServer() as server:
        port = server.base_url.rpartition(":")[2]
        urls = [f"http://{kind}{number}.test:{port}/id/1/80/60" for number in range(100) for kind in ("hanging", "fine")]
        rows = fetch_all(urls, total_timeout_s=1.5, max_attempts=1, max_in_flight_per_task=128)
    assert Counter((url[7:11], row.status.value) for url, row in zip(urls, rows, strict=True)) == {
        ("hang", "timeout"): 100,
        ("fine", "ok"): 100,
    }
    assert not names.release.is_set()


def test_a_hanging_lookup_is_shared(names: NameServer) -> None:
    """Fifty rows of one host whose lookup hangs start one lookup, not fifty."""
    rows = fetch_all([f"http://hanging.test/{number}.jpg" for number in range(50)], total_timeout_s=0.3, max_attempts=2)
    assert {row.status.value for row in rows} == {"timeout"}
    assert names.asked["hanging.test"] == 1


@pytest.mark.parametrize("url", ["http://" + "a" * 64 + ".test/", "http://a..b/", "http://-/", "http://\udcff/"])
def test_names_that_no_lookup_can_take(url: str) -> None:
    """A host that cannot be encoded as a name is an outcome, not an error."""
    assert fetch(url, max_attempts=1).status.value in ("invalid_url", "dns")
