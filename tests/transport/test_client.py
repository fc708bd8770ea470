"""Requests say exactly what they are asked to say, go to whom they should, and can be given up at any moment."""

# ruff: noqa: D102, D107 - helpers of tests say by their names what they are

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from many_examples import many_examples
from scripted_host import OK, Host, Script, answering, client, get, leaving_nothing, outcomes, plain, script, turns
from yarl import URL

from picsum_vision.transport.client import HttpClient, header_lines
from picsum_vision.transport.exchange import EnoughRead
from picsum_vision.transport.failures import CurlError, translate
from picsum_vision.transport.head import Head
from picsum_vision.transport.origin import request_target
from picsum_vision.transport.whole_body import WholeBody


def asked(url: str, **fields: str) -> bytes:
    """Return what a host is asked for the URL; of the port that it has itself, PORT stands there."""

    async def work() -> bytes:
        async with Host(lambda _: script(plain(b"ok"))).serving() as host, client() as http:
            http._names._known = Everybody()
            target = request_target(URL(url.replace("PORT", str(host.port))))
            await http.get(target, header_lines(fields), WholeBody(100), 10)
            return host.connections[0][0].replace(str(host.port).encode(), b"PORT")

    return leaving_nothing(work)


class Everybody(dict[str, tuple[float, tuple[str, ...]]]):
    """Has loopback for every name."""

    def get(self, name: str, default: object = None) -> tuple[float, tuple[str, ...]]:  # type: ignore[override]  # one answer
        return float("inf"), ("127.0.0.1",)


@pytest.mark.parametrize(
    ("url", "line", "host"),
    [
        ("http://example.org:PORT", b"/", b"example.org:PORT"),
        ("http://example.org:PORT/a?b=c#d", b"/a?b=c", b"example.org:PORT"),
        ("http://example.org.:PORT/a", b"/a", b"example.org:PORT"),
        ("http://EXAMPLE.org:PORT/A", b"/A", b"example.org:PORT"),
        ("http://127.0.0.1:PORT/a", b"/a", b"127.0.0.1:PORT"),
        ("http://bücher.example:PORT/ä b?ö=ü", b"/%C3%A4%20b?%C3%B6=%C3%BC", b"xn--bcher-kva.example:PORT"),
        ("http://example.org:PORT/a%0d%0aX:%20y", b"/a%0D%0AX:%20y", b"example.org:PORT"),
        ("http://example.org:PORT/a/../b//c/./d", b"/b//c/d", b"example.org:PORT"),
    ],
)
def test_request_line_and_host(url: str, line: bytes, host: bytes) -> None:
    """A request names path, query and host as HTTP wants them, and says nothing that it was not told to."""
    assert asked(url) == b"GET %b HTTP/1.1\r\nHost: %b\r\n\r\n" % (line, host)


@pytest.mark.parametrize("url", ["http://example.org", "http://example.org:80/a", "https://example.org:443/a", "http://[::1]/a"])
def test_the_usual_port(url: str) -> None:
    """A URL without a port is one with its scheme's own."""
    assert request_target(URL(url)).origin.port in (80, 443)


@many_examples(40)
@given(st.text(max_size=40), st.text(max_size=20))
def test_no_address_makes_two_lines_of_one(path: str, user: str) -> None:
    """Whatever stands in a URL, the request has its line, one Host and at most one authorization, and three words in its line."""
    try:
        url = str(URL(f"http://{user}@example.org:1/{path}" if user else f"http://example.org:1/{path}"))
    except ValueError:
        return  # no URL
    if URL(url).raw_host != "example.org":
        return
    line, *fields, _, end = asked(url.replace("example.org:1/", "example.org:PORT/")).split(b"\r\n")
    assert len(line.split(b" ")) == 3
    assert [field.partition(b":")[0] for field in fields] in ([b"Host"], [b"Host", b"Authorization"])
    assert end == b""


def test_user_and_password() -> None:
    """A URL's user and password are sent as basic authorization, in UTF-8, and nowhere else."""
    told = base64.b64encode("jürgen:p@ss".encode())
    expected = b"GET /a HTTP/1.1\r\nHost: example.org:PORT\r\nAuthorization: Basic " + told + b"\r\n\r\n"
    assert asked("http://jürgen:p%40ss@example.org:PORT/a") == expected


def test_a_field_without_a_value() -> None:
    """A field is sent also where it has no value."""
    assert b"\r\nX-Empty:\r\n" in asked("http://example.org:PORT/a", **{"X-Empty": ""})


@pytest.mark.parametrize("headers", [{"A": "b\r\nC: d"}, {"A": "b\n"}, {"A\r\nB": "c"}, {"A": "b\rc"}, {"A": "b\0"}, {"A\n": ""}])
def test_a_header_is_one_line(headers: dict[str, str]) -> None:
    """A name or value that would be more than one line is refused."""
    with pytest.raises(ValueError, match="line end"):
        header_lines(headers)


def test_headers_are_sent() -> None:
    """Header fields and a body arrive as they were given, each once."""

    async def work() -> bytes:
        async with answering(script(plain(b"ok"))).serving() as host, client() as http:
            headers = header_lines({"Accept": "image/*", "X-Name": "Jürgen"})
            await http.post(request_target(URL(f"http://127.0.0.1:{host.port}/0")), headers, b"body", WholeBody(100), 10)
            return host.connections[0][0].replace(str(host.port).encode(), b"PORT")

    fields = "Accept: image/*\r\nX-Name: Jürgen\r\n".encode()
    assert leaving_nothing(work) == (b"POST /0 HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n" + fields + b"Content-Length: 4\r\n\r\nbody")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:0/", "http://a..b/", "http://" + "a" * 64 + ".example/", "https://.example.org/"]
)
def test_addresses_that_nobody_has(url: str) -> None:
    """An address that cannot be connected to is an exception that has a meaning."""

    async def work() -> None:
        async with client() as http:
            await get(http, url)

    with pytest.raises(Exception) as caught:  # noqa: PT011 - what it means is looked at
        leaving_nothing(work)
    assert translate(caught.value) is not None


@pytest.mark.parametrize(
    ("told", "connections"),
    [
        (script(plain(b"ok")), 1),
        (script(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"), 1),
        (script(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"), 3),
        (script(plain(b"ok", fields=b"Connection: close\r\n")), 3),
        (script(plain(b"ok") + b"x"), 3),
        (script(plain(b"ok") + plain(b"no")), 3),
        (Script([plain(b"ok"), b"x"]), 3),
    ],
    ids=["kept", "HTTP/1.0, kept", "HTTP/1.0", "closed", "surplus", "two answers", "surplus later"],
)
def test_a_connection_serves_again(told: Script, connections: int) -> None:
    """A connection serves again after an answer that ends cleanly, and after no other."""

    async def work() -> int:
        async with answering(told).serving() as host, client() as http:
            for _ in range(3):
                assert (await get(http, f"http://127.0.0.1:{host.port}/0")).body == b"ok"
                await turns(20)
            return len(host.connections)

    assert leaving_nothing(work) == connections


class ClosingWhenUsedAgain(Host):
    """Answers the first request of each connection, and closes it when the second one comes, as if they had crossed."""

    def __init__(self) -> None:
        super().__init__(lambda _: script(plain(b"ok")) if len(self.connections[-1]) == 1 else script(b"", "close"))


def test_a_connection_that_was_closed_while_idle() -> None:
    """A GET on a connection that the host has closed goes out again on another one; a POST does not."""

    async def work() -> list[int]:
        async with ClosingWhenUsedAgain().serving() as host, client() as http:
            url = f"http://127.0.0.1:{host.port}/"
            await get(http, url)
            assert (await get(http, url)).body == b"ok"
            with pytest.raises(CurlError):
                await http.post(request_target(URL(url)), (), b"body", WholeBody(100), 10)
            return [len(asked) for asked in host.connections]

    assert leaving_nothing(work) == [2, 2]


@pytest.mark.parametrize("then", ["close", "reset"])
def test_giving_up_a_body_in_parts(then: str) -> None:
    """Where the parts of a body fail, or whoever sends them gives up, nothing is left, whatever the host does meanwhile."""

    def parts() -> Iterator[bytes]:
        yield from [bytes(1_000_000)] * 20
        raise ZeroDivisionError

    async def work() -> None:
        host = Host(lambda _: script(b"", then))
        async with host.serving(), client() as http:
            url = URL(f"http://127.0.0.1:{host.port}/")
            for number in (0, 5, 10, 15, 20, 30, 50, 10_000):
                sent = http.post_parts(request_target(URL(url)), (), parts(), length=20_000_001, sink=WholeBody(100), left_s=5)
                task = asyncio.ensure_future(sent)
                await turns(number)
                task.cancel()
                (outcome,) = await outcomes([task])
                assert isinstance(outcome, (ZeroDivisionError, CurlError, asyncio.CancelledError)), repr(outcome)

    leaving_nothing(work)


def test_a_host_that_closes_every_connection() -> None:
    """A GET is not sent again where the connection was new."""

    async def work() -> int:
        async with answering(script(b"", "close")).serving() as host, client() as http:
            with pytest.raises(CurlError):
                await get(http, f"http://127.0.0.1:{host.port}/0")
            return len(host.connections)

    assert leaving_nothing(work) == 1


def test_an_answer_before_the_question() -> None:
    """What comes before anything was asked is nobody's answer."""

    async def work() -> None:
        host = Host(lambda _: script(plain(b"mine")), on_connect=plain(b"not mine"))
        async with host.serving(), client() as http:
            url = f"http://127.0.0.1:{host.port}/"
            found = await outcomes([asyncio.ensure_future(get(http, url)) for _ in range(3)])
            assert all(isinstance(one, CurlError) or one.body in (b"mine", b"not mine") for one in found)

    leaving_nothing(work)


class Patient(WholeBody):
    """Waits, as for room, before it takes more; some of its methods may have enough."""

    def __init__(self, *, enough_in: str = "", broken_in: str = "", wait_turns: int = 2) -> None:
        super().__init__(1_000_000)
        self._enough_in = enough_in
        self._broken_in = broken_in
        self._wait_turns = wait_turns
        self._waits = 0
        self.is_over = False

    def _at(self, place: str) -> None:
        assert not self.is_over
        if place == self._enough_in:
            raise EnoughRead
        if place == self._broken_in:
            raise ZeroDivisionError(place)

    def head(self, head: Head) -> None:
        self._at("head")
        super().head(head)

    def data(self, chunk: bytes) -> None:
        self._at("data")
        super().data(chunk)

    def wait(self) -> Awaitable[None] | None:
        self._at("wait")
        self._waits += 1
        return self._room() if self._waits % 2 and self._wait_turns else None

    async def _room(self) -> None:
        await turns(self._wait_turns)
        self._at("room")

    def end(self) -> None:
        self._at("end")
        super().end()


PLACES = ["head", "data", "wait", "room", "end"]


@pytest.mark.parametrize("place", [*PLACES, ""])
@pytest.mark.parametrize("wait_turns", [0, 3])
def test_a_sink_that_has_enough(place: str, wait_turns: int) -> None:
    """A sink may have enough at any point but within a wait: the exchange ends well, and the next one gets its own answer."""
    if place == "room":
        return

    async def work() -> None:
        async with answering(Script([OK + b"Content-Length: 6\r\n\r\n", b"abc", b"def"])).serving() as host, client() as http:
            url = f"http://127.0.0.1:{host.port}/0"
            for _ in range(2):
                await get(http, url, sink=Patient(enough_in=place, wait_turns=wait_turns))
                assert (await get(http, url)).body == b"abcdef"

    leaving_nothing(work)


@pytest.mark.parametrize("place", PLACES)
def test_a_sink_that_fails(place: str) -> None:
    """What a sink raises is what the exchange ends with, and the next one gets its own answer."""

    async def work() -> None:
        async with answering(Script([OK + b"Content-Length: 6\r\n\r\n", b"abc", b"def"])).serving() as host, client() as http:
            url = f"http://127.0.0.1:{host.port}/0"
            with pytest.raises(ZeroDivisionError, match=place):
                await get(http, url, sink=Patient(broken_in=place))
            assert (await get(http, url)).body == b"abcdef"

    leaving_nothing(work)


class Cancelled(Patient):
    """Waits for what somebody else cancels."""

    def wait(self) -> Awaitable[None] | None:
        nothing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(nothing.cancel)
        return nothing


def test_a_wait_that_is_cancelled_by_others() -> None:
    """Where what a sink waits for is cancelled, its exchange is, too: it does not wait for ever."""

    async def work() -> None:
        async with answering(script(plain(b"ok"))).serving() as host, client() as http:
            with pytest.raises(asyncio.CancelledError):
                await get(http, f"http://127.0.0.1:{host.port}/0", sink=Cancelled())

    leaving_nothing(work)


def test_time_stands_still_while_the_sink_waits() -> None:
    """A connection that the host closes while the sink waits is whole if all of the body had come."""

    async def work() -> bytes:
        told = Script([OK + b"\r\nabc", b"def"], "close")
        async with answering(told).serving() as host, client() as http:
            return (await get(http, f"http://127.0.0.1:{host.port}/0", sink=Patient(wait_turns=30))).body

    assert leaving_nothing(work) == b"abcdef"


class TellingItsEnd(WholeBody):
    """Says when its answer is whole, before whoever asked for it hears of that."""

    def __init__(self) -> None:
        super().__init__(1_000)
        self.is_whole = asyncio.get_running_loop().create_future()

    def end(self) -> None:
        self.is_whole.set_result(None)


def test_giving_up_at_the_moment_of_completion() -> None:
    """Who gives up an exchange that has just ended does not harm the next one on its connection."""

    async def work() -> tuple[bytes, int]:
        async with answering(script(plain(b"first")), Script([b"", plain(b"second")])).serving() as host, client() as http:
            url = f"http://127.0.0.1:{host.port}/"
            sink = TellingItsEnd()
            first = asyncio.ensure_future(get(http, url + "0", sink=sink))
            await sink.is_whole
            first.cancel()
            second = await get(http, url + "1")
            assert first.cancelled()
            return second.body, len(host.connections)

    assert leaving_nothing(work) == (b"second", 1)


async def give_up_after(http: HttpClient, url: str, number: int) -> None:
    task = asyncio.ensure_future(get(http, url, sink=Patient()))
    await turns(number)
    task.cancel()
    (outcome,) = await outcomes([task])
    assert isinstance(outcome, (WholeBody, asyncio.CancelledError)), repr(outcome)


@many_examples(80)
@given(st.lists(st.tuples(st.integers(0, 40), st.sampled_from([0, 1])), min_size=1, max_size=6))
def test_giving_up_at_any_moment(times: list[tuple[int, int]]) -> None:
    """An exchange can be cancelled while it connects, sends, reads or waits; nothing is left of it, and others do not suffer."""
    scripts = [Script([OK + b"Content-Length: 6\r\n", b"\r\nabc", b"def"]), Script([OK + b"\r\nabc", b"def"], "close")]

    async def work() -> None:
        async with answering(*scripts).serving() as host, client() as http:
            url = f"http://127.0.0.1:{host.port}/"
            others = [asyncio.ensure_future(get(http, f"{url}{number}", sink=Patient())) for _, number in times]
            await asyncio.gather(*[give_up_after(http, f"{url}{number}", after) for after, number in times])
            assert [sink.body for sink in await asyncio.gather(*others)] == [b"abcdef"] * len(times)

    leaving_nothing(work)
