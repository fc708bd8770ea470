"""A connection goes to whom it should, by an address that may be asked, over TLS that is trusted; or nothing is left of it."""

# ruff: noqa: D102, D107 - helpers of tests say by their names what they are

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from many_examples import many_examples
from scripted_host import OK, Host, Script, answering, client, get, leaving_nothing, outcomes, plain, script, turns

from picsum_vision.concurrency.deadline import DeadlinePassed
from picsum_vision.transport import client as client_module
from picsum_vision.transport import name_lookup, transfer
from picsum_vision.transport.address_guard import BlockedAddress
from picsum_vision.transport.failures import CurlError, TransportFailure, translate
from picsum_vision.transport.whole_body import WholeBody

AUTHORITY = trustme.CA()
STRANGER = trustme.CA()
SILENT = ["127.0.0.21", "127.0.0.22"]


def tls(*names: str, authority: trustme.CA = AUTHORITY) -> ssl.SSLContext:
    """Return what a host with a certificate for these names speaks."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


@pytest.fixture(autouse=True, scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Trust the test's authority, as a system's administrator would."""
    file: Path = tmp_path_factory.mktemp("authority") / "authority.pem"
    AUTHORITY.cert_pem.write_to_path(str(file))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(file))
        yield


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Give names addresses: `names("pictures.test", "127.0.0.1", ...)`."""
    known: dict[str, list[str]] = {}

    def look_up(host: str, port: None, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in known[host]]

    def name(host: str, *addresses: str) -> None:
        known[host] = list(addresses)

    monkeypatch.setattr(name_lookup.socket, "getaddrinfo", look_up)
    return name


def ask(host: Host, url: str, context: ssl.SSLContext | None = None, left_s: float = 10.0, **settings: Any) -> WholeBody:
    """Return what the host answers at the URL, in which PORT is its port."""

    async def work() -> WholeBody:
        async with host.serving(context), client(**settings) as http:
            return await get(http, url.replace("PORT", str(host.port)), left_s)

    return leaving_nothing(work)


def pictures() -> Host:
    return answering(script(plain(b"ok")))


@pytest.mark.parametrize("trailing_dot", ["", "."])
def test_trusted_tls(names: Callable[..., None], trailing_dot: str) -> None:
    """A host whose certificate is trusted and has its name is asked, and its connection serves again."""
    names("pictures.test", "127.0.0.1")

    async def work() -> tuple[list[bytes], int]:
        async with pictures().serving(tls("pictures.test")) as host, client() as http:
            url = f"https://pictures.test{trailing_dot}:{host.port}/0"
            return [(await get(http, url)).body for _ in range(3)], len(host.connections)

    assert leaving_nothing(work) == ([b"ok"] * 3, 1)


def test_tls_to_an_address() -> None:
    """A certificate may be for an address."""
    assert ask(pictures(), "https://127.0.0.1:PORT/0", tls("127.0.0.1")).body == b"ok"


@pytest.mark.parametrize(
    "context", [tls("other.test"), tls("pictures.test", authority=STRANGER)], ids=["another name", "unknown authority"]
)
def test_tls_that_is_not_trusted(names: Callable[..., None], context: ssl.SSLContext) -> None:
    """A certificate for another name, or by an unknown authority, is refused before anything is asked."""
    names("pictures.test", "127.0.0.1")
    host = pictures()
    with pytest.raises(CurlError, match="certificate") as caught:
        ask(host, "https://pictures.test:PORT/0", context)
    assert translate(caught.value) is TransportFailure.TLS
    assert [asked for asked in host.connections if asked] == []


def test_tls_where_there_is_none() -> None:
    """A host that answers a TLS greeting in plain HTTP is `tls`."""
    with pytest.raises(CurlError, match="SSL|TLS") as caught:
        ask(Host(lambda _: script(b""), on_connect=b"HTTP/1.1 400 Bad Request\r\n\r\n"), "https://127.0.0.1:PORT/0")
    assert translate(caught.value) is TransportFailure.TLS


def test_plain_http_to_a_tls_port() -> None:
    """A TLS host that is asked in plain HTTP gives no answer."""
    with pytest.raises(CurlError):
        ask(pictures(), "http://127.0.0.1:PORT/0", tls("127.0.0.1"))


def test_tls_that_hangs() -> None:
    """A host that takes the connection and says nothing to the TLS greeting has the connect timeout."""
    with pytest.raises(CurlError) as caught:
        ask(pictures(), "https://127.0.0.1:PORT/0", connect_timeout_s=0.1)
    assert translate(caught.value) is TransportFailure.TIMEOUT


TLS_ENDS = {
    "whole": (Script([OK + b"Content-Length: 6\r\n\r\n", b"abc", b"def"], "close"), b"abcdef"),
    "open": (Script([OK + b"\r\n", b"abc", b"def"], "close"), b"abcdef"),
    "half": (Script([OK + b"Content-Length: 6\r\n\r\n", b"abc"], "close"), None),
    "half, reset": (Script([OK + b"Content-Length: 6\r\n\r\n", b"abc"], "reset"), None),
    "half an open one, reset": (Script([OK + b"\r\n", b"abc"], "reset"), None),
    "large": (Script([OK + b"\r\n", bytes(3_000_000)], "close"), bytes(3_000_000)),
}


@pytest.mark.parametrize("form", TLS_ENDS)
def test_how_a_tls_answer_ends(form: str) -> None:
    """A body over TLS is whole where it says so, or where the host ends the connection properly, and broken off elsewhere."""
    told, body = TLS_ENDS[form]
    if body is None:
        with pytest.raises(CurlError) as caught:
            ask(answering(told), "https://127.0.0.1:PORT/0", tls("127.0.0.1"))
        assert translate(caught.value) is TransportFailure.BROKEN_OFF
    else:
        assert ask(answering(told), "https://127.0.0.1:PORT/0", tls("127.0.0.1")).body == body


class Slow(WholeBody):
    """Waits between the parts of a body."""

    def __init__(self) -> None:
        super().__init__(10_000_000)
        self._waits = 0

    def wait(self) -> Any:
        self._waits += 1
        return turns(20) if self._waits % 2 else None


@pytest.mark.parametrize("head", [OK + b"\r\n", OK + b"Content-Length: 2000000\r\n\r\n"], ids=["open", "announced"])
def test_a_slow_sink_over_tls(head: bytes) -> None:
    """What the host has sent before it ends the connection is not lost while the sink waits."""
    body = bytes(range(250)) * 8_000

    async def work() -> bytes:
        async with answering(Script([head, body], "close")).serving(tls("127.0.0.1")) as host, client() as http:
            return (await get(http, f"https://127.0.0.1:{host.port}/0", sink=Slow())).body

    assert leaving_nothing(work) == body


def test_a_private_address_is_never_asked(names: Callable[..., None]) -> None:
    """Where only public addresses may be asked, a name with any other is blocked, and nothing is connected to."""
    names("pictures.test", "8.8.8.8", "127.0.0.1")
    host = pictures()
    with pytest.raises(BlockedAddress):
        ask(host, "http://pictures.test:PORT/0", public_addresses_only=True)
    assert host.connections == []


def test_a_peer_that_is_not_public(names: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """The address that is connected to is checked once more; its socket is closed, and nothing is asked."""
    names("pictures.test", "127.0.0.1")
    monkeypatch.setattr(client_module, "is_public", lambda _: True)
    monkeypatch.setattr(transfer, "is_public", lambda _: False)
    host = pictures()
    with pytest.raises(BlockedAddress):
        ask(host, "http://pictures.test:PORT/0", public_addresses_only=True)
    assert [asked for asked in host.connections if asked] == []


@contextmanager
def silent(port: int) -> Iterator[None]:
    """Let connections to some addresses hang, as where a firewall drops what is sent to them."""
    with ExitStack() as stack:
        for address in SILENT:
            listener = stack.enter_context(socket.socket())
            listener.bind((address, port))
            listener.listen(0)
            for _ in range(3):  # those that wait to be accepted: there is room for no other
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)  # noqa: FBT003 - its name in the standard library
                waiting.connect_ex((address, port))
        yield


def ask_silent(url: str, **settings: Any) -> WholeBody:
    """Return what is answered where some addresses are silent."""

    async def work() -> WholeBody:
        async with pictures().serving() as host, client(**settings) as http:
            with silent(host.port):
                return await get(http, url.replace("PORT", str(host.port)))

    return leaving_nothing(work)


@pytest.mark.parametrize(
    "addresses",
    [[*SILENT, "127.0.0.1"], ["127.0.0.1", *SILENT], ["127.0.0.1", "127.0.0.1"], ["127.0.0.9", SILENT[0], "127.0.0.1"]],
    ids=["last", "first", "twice", "between"],
)
def test_the_first_address_to_answer(names: Callable[..., None], addresses: list[str]) -> None:
    """Of several addresses one that answers is used, wherever it stands."""
    names("pictures.test", *addresses)
    assert ask_silent("http://pictures.test:PORT/0").body == b"ok"


def test_addresses_that_nobody_answers_at(names: Callable[..., None]) -> None:
    """Where all addresses are silent the connect timeout counts; where all refuse, that is the reason."""
    names("silent.test", *SILENT)
    names("closed.test", "127.0.0.9", "127.0.0.10")
    with pytest.raises(CurlError) as caught:
        ask_silent("http://silent.test:PORT/0", connect_timeout_s=0.1)
    assert translate(caught.value) is TransportFailure.TIMEOUT
    with pytest.raises(CurlError) as caught:
        ask_silent("http://closed.test:PORT/0")
    assert translate(caught.value) is TransportFailure.CONNECT


def test_a_system_without_threads(names: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no thread can be started the name cannot be looked up for now."""

    def start(_: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(name_lookup.threading.Thread, "start", start)
    with pytest.raises(socket.gaierror) as caught:
        ask(pictures(), "http://pictures.test:PORT/0")
    assert translate(caught.value) is TransportFailure.DNS_FOR_NOW


def test_a_lookup_that_outlives_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is still being looked up when the client closes keeps nobody, and its late answer disturbs nobody."""
    release = threading.Event()
    monkeypatch.setattr(name_lookup.socket, "getaddrinfo", lambda *_, **__: release.wait(30) and [])
    with pytest.raises(DeadlinePassed):
        ask(pictures(), "http://pictures.test:PORT/0", left_s=0.05)
    lookups = [thread for thread in threading.enumerate() if thread.name == "picsum-vision-dns"]
    assert len(lookups) == 1
    release.set()
    lookups[0].join()


def test_a_lookup_that_fails_oddly(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a lookup raises, expected or not, reaches who asked at once."""

    def look_up(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(name_lookup.socket, "getaddrinfo", look_up)
    with pytest.raises(ZeroDivisionError):
        ask(pictures(), "http://pictures.test:PORT/0")


@many_examples(60)
@given(st.lists(st.tuples(st.integers(0, 60), st.booleans()), min_size=1, max_size=5))
def test_giving_up_while_connecting(times: list[tuple[int, bool]]) -> None:
    """A connection can be given up while its name is looked up, while it connects and in the TLS greeting, and leaves nothing."""

    async def work() -> None:
        context = tls("127.0.0.1")
        async with pictures().serving() as bare, pictures().serving(context) as secure, client() as http:
            urls = [f"https://127.0.0.1:{secure.port}/0" if is_tls else f"http://127.0.0.1:{bare.port}/0" for _, is_tls in times]
            tasks = [asyncio.ensure_future(get(http, url)) for url in urls]
            for task, (number, _) in zip(tasks, times, strict=True):
                await turns(number)
                task.cancel()
            for outcome in await outcomes(tasks):
                assert isinstance(outcome, (WholeBody, asyncio.CancelledError)), repr(outcome)

    leaving_nothing(work)


def test_giving_up_at_each_turn_of_a_tls_greeting() -> None:
    """At whatever turn of the loop a TLS connection is given up, its socket is closed."""

    async def work() -> None:
        async with pictures().serving(tls("127.0.0.1")) as host:
            for number in range(60):
                async with client() as http:
                    task = asyncio.ensure_future(get(http, f"https://127.0.0.1:{host.port}/0"))
                    await turns(number)
                    task.cancel()
                    await outcomes([task])

    leaving_nothing(work)
