"""Whatever a host sends, an exchange ends once: with its own answer, or with one exception that has a meaning."""

from __future__ import annotations

import asyncio
import gzip
import itertools
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from many_examples import many_examples
from scripted_host import OK, Script, answering, client, get, leaving_nothing, outcomes, plain, script

from picsum_vision.concurrency.deadline import DeadlinePassed
from picsum_vision.transport import watchdog
from picsum_vision.transport.failures import AnswerTooLarge, CurlError, TransportFailure, translate
from picsum_vision.transport.whole_body import WholeBody

CHUNKED = b"Transfer-Encoding: chunked\r\n"


@pytest.fixture(autouse=True, scope="module")
def quick_watchdog() -> Iterator[None]:
    """Look at the deadlines a hundred times a second, so that hosts which fall silent cost little."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watchdog, "_TICK_S", 0.01)
        yield


def ask(told: Script, left_s: float = 10.0) -> WholeBody:
    """Return the answer of a host that plays this script."""

    async def work() -> WholeBody:
        async with answering(told).serving() as host, client() as http:
            return await get(http, f"http://127.0.0.1:{host.port}/0", left_s)

    return leaving_nothing(work)


WELL_FORMED = {
    "announced": (plain(b"hello"), 200, b"hello"),
    "empty": (plain(b""), 200, b""),
    "no reason": (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
    "only line feeds": (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 200, b"ok"),
    "empty value": (plain(b"ok", fields=b"X-Empty:\r\nY: \r\n"), 200, b"ok"),
    "folded value": (plain(b"ok", fields=b"X-Long: a\r\n b\r\n\tc\r\n"), 200, b"ok"),
    "no content": (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", 204, b""),
    "not modified": (b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", 304, b""),
    "gzip of nothing": (b"HTTP/1.1 204 No Content\r\nContent-Encoding: gzip\r\n\r\n", 204, b""),
    "gzip without a byte": (plain(b"", fields=b"Content-Encoding: gzip\r\n"), 200, b""),
    "gzip": (plain(gzip.compress(b"hello"), fields=b"Content-Encoding: gzip\r\n"), 200, b"hello"),
    "length and chunks": (OK + CHUNKED + b"Content-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200, b"ok"),
    "chunked": (OK + CHUNKED + b"\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", 200, b"hello"),
    "extensions and trailers": (
        OK + CHUNKED + b"\r\n5;a=b;c\r\nhello\r\n0\r\nX-T: 1\r\nExpires: 0\r\n\r\n",
        200,
        b"hello",
    ),
    "early hints": (b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + plain(b"ok"), 200, b"ok"),
    "continue": (b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + plain(b"ok"), 200, b"ok"),
    "an offer of HTTP/2": (plain(b"ok", fields=b"Upgrade: h2\r\nConnection: Upgrade, Keep-Alive\r\n"), 200, b"ok"),
    "an odd status": (plain(b"ok", status=b"999 What"), 999, b"ok"),
    "surplus": (plain(b"ok") + b"surplus", 200, b"ok"),
    "a second answer": (plain(b"ok") + plain(b"second"), 200, b"ok"),
    "surplus behind a close": (plain(b"ok", fields=b"Connection: close\r\n") + b"surplus", 200, b"ok"),
}


@pytest.mark.parametrize("form", WELL_FORMED)
@pytest.mark.parametrize("size", [1, 7, 1_000_000], ids=lambda size: f"pieces of {size}")
def test_well_formed_answers(form: str, size: int) -> None:
    """An answer that HTTP allows, or that browsers take, is whole however it is cut into pieces."""
    raw, status, body = WELL_FORMED[form]
    told = ask(Script([raw[start : start + size] for start in range(0, len(raw), size)]))
    assert (told.status, told.body) == (status, body)


@pytest.mark.parametrize("head", [OK, b"HTTP/1.0 200 OK\r\n"], ids=repr)
def test_a_body_that_ends_with_the_connection(head: bytes) -> None:
    """Where the head does not say how long the body is, the end of the connection is its end."""
    assert ask(Script([head + b"\r\n", b"hel", b"lo"], "close")).body == b"hello"


BROKEN = {
    "no answer": (script(b"", "close"), TransportFailure.CONNECT),
    "reset": (script(b"", "reset"), TransportFailure.CONNECT),
    "half a head": (script(OK + b"Content-Le", "close"), TransportFailure.CONNECT),
    "only interim answers": (script(b"HTTP/1.1 100 Continue\r\n\r\n", "close"), TransportFailure.CONNECT),
    "half a body": (script(OK + b"Content-Length: 9\r\n\r\nhalf", "close"), TransportFailure.BROKEN_OFF),
    "half a body, reset": (script(OK + b"Content-Length: 9\r\n\r\nhalf", "reset"), TransportFailure.BROKEN_OFF),
    "an open body, reset": (script(OK + b"\r\nhalf", "reset"), TransportFailure.BROKEN_OFF),
    "half a chunk": (script(OK + CHUNKED + b"\r\n9\r\nhalf", "close"), TransportFailure.BROKEN_OFF),
    "half a chunk, coded twice": (script(OK + b"Transfer-Encoding: gzip\r\n" + CHUNKED + b"\r\n9\r\nhalf", "close"), TransportFailure.BROKEN_OFF),
    "no last chunk": (script(OK + CHUNKED + b"\r\n4\r\nhalf\r\n", "close"), TransportFailure.BROKEN_OFF),
    "a bad chunk size": (script(OK + CHUNKED + b"\r\nxyz\r\n"), TransportFailure.BROKEN_OFF),
    "a huge chunk size": (script(OK + CHUNKED + b"\r\n" + b"f" * 20 + b"\r\n"), TransportFailure.BROKEN_OFF),
    "two lengths": (script(OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok"), TransportFailure.BAD_ANSWER),
    "no length": (script(OK + b"Content-Length:\r\n\r\n"), TransportFailure.BAD_ANSWER),
    "a negative length": (script(OK + b"Content-Length: -2\r\n\r\n"), TransportFailure.BAD_ANSWER),
    "no colon": (script(OK + b"no colon\r\n\r\n"), TransportFailure.BAD_ANSWER),
    "HTTP/2": (script(b"\0\0\x12\x04\0\0\0\0\0"), TransportFailure.BAD_ANSWER),
    "not HTTP": (script(b"220 smtp.example.org ESMTP\r\n"), TransportFailure.BAD_ANSWER),
    "a head without end": (Script([OK, *[b"X-More: " + b"x" * 2_000 + b"\r\n"] * 50]), TransportFailure.BAD_ANSWER),
    "gzip cut off": (script(plain(gzip.compress(b"x" * 999)[:-9], fields=b"Content-Encoding: gzip\r\n")), TransportFailure.BROKEN_OFF),
    "gzip that is none": (script(plain(b"\x1f\x8bnot gzip", fields=b"Content-Encoding: gzip\r\n")), TransportFailure.BROKEN_OFF),
    "a gzip bomb": (script(plain(gzip.compress(bytes(20_000_000)), fields=b"Content-Encoding: gzip\r\n")), TransportFailure.TOO_LARGE),
    "too large": (Script([OK + b"Content-Length: 20000000\r\n\r\n", *[bytes(1_000_000)] * 20]), TransportFailure.TOO_LARGE),
}


@pytest.mark.parametrize("form", BROKEN)
def test_broken_answers(form: str) -> None:
    """What is no HTTP, or no whole answer, ends the exchange at once with the exception that says so."""
    told, meaning = BROKEN[form]
    with pytest.raises(Exception) as caught:  # noqa: PT011 - what it means is looked at
        ask(told)
    assert translate(caught.value) is meaning, repr(caught.value)


@pytest.mark.parametrize(
    "told",
    [
        script(b""),
        script(OK),
        script(OK + b"Content-Length: 9\r\n\r\nhalf"),
        script(OK + b"\r\nopen"),
        script(OK + CHUNKED + b"\r\n"),
        script(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nabc"),
        Script([b"HTTP/1.1 103 Early Hints\r\n\r\n"] * 100),
        Script([OK + CHUNKED + b"\r\n0\r\n", *[b"X: " + b"x" * 2_000 + b"\r\n"] * 50]),
    ],
    ids=["no answer", "half a head", "half a body", "an open body", "no chunk", "switching", "interim", "trailers without end"],
)
def test_a_host_that_falls_silent(told: Script) -> None:
    """An exchange whose host sends no more ends when its time is used up."""
    with pytest.raises(DeadlinePassed):
        ask(told, left_s=0.05)


bodies = st.binary(max_size=300)


@st.composite
def answers(draw: st.DrawFn) -> tuple[bytes, str, bytes]:
    """Return an answer's bytes, what becomes of its connection, and the body that must be found in it."""
    body = draw(bodies)
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * draw(st.integers(0, 3))
    form = draw(st.sampled_from(["announced", "chunked", "gzip", "closing", "open"]))
    fields = draw(st.sampled_from([b"", b"X: y\r\n", b"Content-Type: image/jpeg\r\nEtag:\r\n"]))
    if form == "open":
        return interim + OK + fields + b"\r\n" + body, "close", body
    if form == "closing":
        return interim + plain(body, fields=fields + b"Connection: close\r\n"), draw(st.sampled_from(["stay", "close"])), body
    if form == "gzip":
        packed = gzip.compress(body[: len(body) // 2]) + gzip.compress(body[len(body) // 2 :])
        return interim + plain(packed, fields=fields + b"Content-Encoding: gzip\r\n"), "stay", body
    if form == "chunked":
        cuts = [0, *sorted(draw(st.lists(st.integers(0, len(body)), max_size=4))), len(body)]
        parts = [body[start:end] for start, end in itertools.pairwise(cuts) if start < end]
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
        return interim + OK + fields + CHUNKED + b"\r\n" + chunks + b"0\r\n\r\n", "stay", body
    return interim + plain(body, fields=fields), draw(st.sampled_from(["stay", "stay", "close"])), body


@st.composite
def pieces(draw: st.DrawFn, raw: bytes) -> list[bytes]:
    """Cut the bytes anywhere."""
    cuts = [0, *sorted(draw(st.lists(st.integers(0, len(raw)), max_size=6))), len(raw)]
    return [raw[start:end] for start, end in itertools.pairwise(cuts)]


@many_examples(60)
@given(st.data())
def test_each_exchange_gets_its_own_answer(data: st.DataObject) -> None:
    """Over connections that are kept, or not, and with answers cut anywhere, each exchange gets exactly its own answer."""
    told = data.draw(st.lists(answers(), min_size=1, max_size=8))
    scripts = [Script(data.draw(pieces(raw)), then) for raw, then, _ in told]
    at_once = data.draw(st.integers(1, 3))

    async def work() -> list[bytes]:
        async with answering(*scripts).serving() as host, client() as http:
            found = []
            for start in range(0, len(scripts), at_once):
                numbers = range(start, min(start + at_once, len(scripts)))
                sinks = await asyncio.gather(*[get(http, f"http://127.0.0.1:{host.port}/{number}") for number in numbers])
                found += [sink.body for sink in sinks]
            return found

    assert leaving_nothing(work) == [body for _, _, body in told]


spoilt = st.builds(
    lambda told, at, junk: told[0][: at % (len(told[0]) + 1)] + junk + told[0][at % (len(told[0]) + 1) + len(junk) :],
    answers(),
    st.integers(0, 1_000),
    st.one_of(st.binary(max_size=8), st.sampled_from([b"\r\n", b"\n", b"Content-Length: 1\r\n", CHUNKED, b"HTTP/1.1 101 S\r\n"])),
)


@many_examples(100)
@given(
    st.lists(
        st.tuples(st.one_of(spoilt, st.binary(max_size=100)), st.sampled_from(["stay", "close", "reset"])), min_size=1, max_size=8
    )
)
@example([(b"HTTP/1.1 200 OK\r\nContent-Length: \xc2\xb2\r\n\r\n", "close")])
def test_any_bytes_whatever(told: list[tuple[bytes, str]]) -> None:
    """Whatever bytes come, each exchange ends, with an answer or with an exception that has a meaning."""
    scripts = [script(raw, then) for raw, then in told]

    async def work() -> list[WholeBody | BaseException]:
        async with answering(*scripts).serving() as host, client() as http:
            urls = [f"http://127.0.0.1:{host.port}/{number}" for number in range(len(scripts))]
            return await outcomes([asyncio.ensure_future(get(http, url, left_s=0.05)) for url in urls])

    for outcome in leaving_nothing(work):
        assert isinstance(outcome, WholeBody) or translate(outcome) is not None, repr(outcome)
