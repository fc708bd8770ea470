"""Answers that no server should send, and some do: each is one outcome with the right word, within the time that was given."""

from __future__ import annotations

import gzip
import io
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from fetching import fetch_all, forgetting_hosts
from PIL import Image
from raw_host import CLOSE, KEEP, Answer, drips, http, raw_host, sends

from picsum_vision.testing.image_server import ImageServer
from picsum_vision.transport.inflate import Inflater

FAST: dict[str, Any] = {"total_timeout_s": 1.0, "connect_timeout_s": 0.5, "max_attempts": 1, "max_bytes": 1_000_000}


def _png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(out, "PNG")
    return out.getvalue()


PNG = _png()
LENGTH = f"Content-Length: {len(PNG)}"
OK = f"HTTP/1.1 200 OK\n{LENGTH}"
CHUNKED = "HTTP/1.1 200 OK\nTransfer-Encoding: chunked"
CHUNKS = b"%x\r\n%b\r\n0\r\n\r\n" % (len(PNG), PNG)


def _raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def coded(coding: str, body: bytes) -> bytes:
    return http(f"HTTP/1.1 200 OK\nContent-Encoding: {coding}\nContent-Length: {len(body)}", body)


def says_nothing(connection: socket.socket) -> bool:
    connection.recv(1)
    return CLOSE


# Each: what the host does, the status, the HTTP status.
ANSWERS: dict[str, tuple[Answer, str, int | None]] = {
    "silence": (says_nothing, "timeout", None),
    "closed without a word": (sends(b"", then=CLOSE), "connect", None),
    "no http": (sends(b"SSH-2.0-OpenSSH_9.6\r\n"), "connect", None),
    "http/0.9": (sends(PNG, then=CLOSE), "connect", None),
    "http/1.0, closed": (sends(http("HTTP/1.0 200 OK\nContent-Type: image/png", PNG), then=CLOSE), "ok", 200),
    "http/1.0 with a length": (sends(http(f"HTTP/1.0 200 OK\n{LENGTH}", PNG), then=CLOSE), "ok", 200),
    "no framing, closed": (sends(http("HTTP/1.1 200 OK", PNG), then=CLOSE), "ok", 200),
    "no framing, cut": (sends(http("HTTP/1.1 200 OK", PNG[:-30]), then=CLOSE), "truncated", 200),
    "no framing, never closed": (sends(http("HTTP/1.1 200 OK", PNG)), "timeout", 200),
    "line feeds only": (sends(http(OK, PNG).replace(b"\r\n", b"\n", 2), then=CLOSE), "ok", 200),
    "100 continue": (sends(http("HTTP/1.1 100 Continue") + http(OK, PNG)), "ok", 200),
    "early hints": (sends(http("HTTP/1.1 103 Early Hints\nLink: </a>; rel=preload") + http(OK, PNG)), "ok", 200),
    "102 again and again": (drips(b"", http("HTTP/1.1 102 Processing"), 0.001), "timeout", None),
    "102 in one piece": (sends(http("HTTP/1.1 102 Processing") * 500 + http(OK, PNG)), "ok", 200),
    "101 switching": (sends(http("HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\nConnection: Upgrade")), "timeout", None),
    "one header too long": (drips(b"HTTP/1.1 200 OK\r\nX-Long: ", b"x" * 50_000, 0.001), "connect", None),
    "too many headers": (drips(b"HTTP/1.1 200 OK\r\n", b"X-One: 1\r\n" * 1_000, 0.001), "connect", None),
    "headers that drip": (drips(b"HTTP/1.1 200 OK\r\n", b"X-Slow: 1\r\n", 0.05), "timeout", None),
    "half a status line": (drips(b"HTTP/1.", b"", 0.05), "timeout", None),
    "a body that drips": (drips(http(OK), b"x", 0.05), "timeout", 200),
    "chunks": (sends(http(CHUNKED, CHUNKS)), "ok", 200),
    "chunks with trailers": (sends(http(CHUNKED, CHUNKS[:-2] + b"X-Sum: 1\r\n\r\n")), "ok", 200),
    "chunk extensions": (sends(http(CHUNKED, CHUNKS.replace(b"\r\n", b";a=b\r\n", 1))), "ok", 200),
    "a chunk length that is none": (sends(http(CHUNKED, b"zz\r\n" + PNG)), "truncated", 200),
    "a negative chunk length": (sends(http(CHUNKED, b"-5\r\n" + PNG)), "truncated", 200),
    "a chunk length beyond 64 bits": (sends(http(CHUNKED, b"f" * 40 + b"\r\n" + PNG)), "truncated", 200),
    "a chunk longer than said": (sends(http(CHUNKED, b"5\r\n" + PNG)), "truncated", 200),
    "chunks without an end": (sends(http(CHUNKED, CHUNKS[:-5]), then=CLOSE), "truncated", 200),
    "a huge chunk announced": (sends(http(CHUNKED, b"7fffffff\r\n" + PNG), then=CLOSE), "truncated", 200),
    "identity": (sends(http("HTTP/1.1 200 OK\nTransfer-Encoding: identity", PNG), then=CLOSE), "ok", 200),
    "content-length that is no number": (sends(http("HTTP/1.1 200 OK\nContent-Length: many", PNG), then=CLOSE), "connect", None),
    "a negative content-length": (sends(http("HTTP/1.1 200 OK\nContent-Length: -1", PNG), then=CLOSE), "connect", None),
    "two content-lengths": (sends(http(f"{OK}\nContent-Length: 3", PNG), then=CLOSE), "connect", None),
    "a huge content-length": (sends(http("HTTP/1.1 200 OK\nContent-Length: 99999999999999", PNG)), "too_large", 200),
    "204": (sends(http("HTTP/1.1 204 No Content")), "empty", 204),
    "205": (sends(http("HTTP/1.1 205 Reset Content\nContent-Length: 0")), "empty", 205),
    "206 with the whole": (sends(http(f"HTTP/1.1 206 Partial Content\n{LENGTH}", PNG)), "ok", 206),
    "206 with a part": (sends(http("HTTP/1.1 206 Partial Content\nContent-Length: 60", PNG[:60])), "truncated", 206),
    "200 with nothing": (sends(http("HTTP/1.1 200 OK\nContent-Length: 0")), "empty", 200),
    "200 and closed": (sends(http("HTTP/1.1 200 OK"), then=CLOSE), "empty", 200),
    "304": (sends(http('HTTP/1.1 304 Not Modified\nETag: "a"')), "http_error", 304),
    "300 without a place": (sends(http("HTTP/1.1 300 Multiple Choices\nContent-Length: 0")), "http_error", 300),
    "302 without a place": (sends(http("HTTP/1.1 302 Found\nContent-Length: 0")), "http_error", 302),
    "304 with a place": (sends(http("HTTP/1.1 304 Not Modified\nLocation: /chunks")), "http_error", 304),
    "999": (sends(http("HTTP/1.1 999 Request Denied\nContent-Length: 0")), "http_error", 999),
    "no reason": (sends(http(OK.replace(" OK", ""), PNG)), "ok", 200),
    "a long way": (sends(http(f"HTTP/1.1 302 Found\nContent-Length: 0\nLocation: /{'x' * 20_000}")), "invalid_url", 302),
    "an empty place": (sends(http("HTTP/1.1 302 Found\nContent-Length: 0\nLocation: ")), "invalid_url", 302),
    "no place at all": (sends(http("HTTP/1.1 302 Found\nContent-Length: 0\nLocation: http://")), "invalid_url", 302),
    "utf-8 place": (sends("HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /città\r\n\r\n".encode()), "ok", 200),
    "latin-1 place": (sends(http("HTTP/1.1 302 Found\nContent-Length: 0\nLocation: /citt\xe0")), "ok", 200),
    "a redirect with a long body": (sends(http("HTTP/1.1 302 Found\nLocation: /chunks\nContent-Length: 9999999")), "ok", 200),
    "a redirect without framing": (sends(http("HTTP/1.1 302 Found\nLocation: /chunks")), "ok", 200),
    "a redirect cut off": (sends(http("HTTP/1.1 302 Found\nLocation: /chunks\nContent-Length: 9"), then=CLOSE), "ok", 200),
    "a redirect in bad chunks": (
        sends(http("HTTP/1.1 302 Found\nLocation: /chunks\nTransfer-Encoding: chunked", b"zz\r\n")), "ok", 200,
    ),
    "404 cut off": (sends(http("HTTP/1.1 404 Not Found\nContent-Length: 100", b"x" * 20), then=CLOSE), "http_error", 404),
    "404 without an end": (sends(http("HTTP/1.1 404 Not Found\nContent-Length: 100", b"x" * 20)), "http_error", 404),
    "404 without framing": (sends(http("HTTP/1.1 404 Not Found", b"x" * 20)), "http_error", 404),
    "404 in bad chunks": (sends(http("HTTP/1.1 404 Not Found\nTransfer-Encoding: chunked", b"zz\r\n")), "http_error", 404),
    "503 cut off": (sends(http("HTTP/1.1 503 Busy\nContent-Length: 100", b"x" * 20), then=CLOSE), "rate_limited", 503),
    "a control character in a header": (sends(http(f"{OK}\nX-Odd: \x01\x7f", PNG)), "ok", 200),
    "gzip": (sends(coded("gzip", gzip.compress(PNG))), "ok", 200),
    "x-gzip": (sends(coded("X-GZIP", gzip.compress(PNG))), "ok", 200),
    "deflate": (sends(coded("deflate", zlib.compress(PNG))), "ok", 200),
    "raw deflate": (sends(coded("deflate", _raw_deflate(PNG))), "ok", 200),
    "gzip in two members": (sends(coded("gzip", gzip.compress(PNG[:50]) + gzip.compress(PNG[50:]))), "ok", 200),
    "half a gzip": (sends(coded("gzip", gzip.compress(PNG)[:-40])), "truncated", 200),
    "gzip that is none": (sends(coded("gzip", PNG)), "truncated", 200),
    "gzip of nothing": (sends(coded("gzip", b"")), "empty", 200),
    "gzip and rubbish": (sends(coded("gzip", gzip.compress(PNG) + b"\0" * 500)), "ok", 200),
    "brotli": (sends(coded("br", b"\x0b\x02\x80abc\x03")), "not_an_image", 200),
    "aws-chunked coding": (sends(coded("aws-chunked", PNG)), "ok", 200),
    "utf-8 coding": (sends(coded("utf-8", PNG)), "ok", 200),
    "brotli of nothing": (sends(coded("br", b"")), "empty", 200),
    "identity coding": (sends(coded("identity", PNG)), "ok", 200),
    "a gzip bomb": (sends(coded("gzip", gzip.compress(bytes(50_000_000)))), "too_large", 200),
    "a deflate bomb": (sends(coded("deflate", zlib.compress(bytes(50_000_000)))), "too_large", 200),
    "endless rubbish behind a gzip": (
        drips(http("HTTP/1.1 200 OK\nContent-Encoding: gzip", gzip.compress(PNG)), b"\0" * 60_000, 0.001), "too_large", 200,
    ),
}  # fmt: skip
# Where the redirects lead.
PLACES: dict[str, Answer] = {"/chunks": sends(http(CHUNKED, CHUNKS)), "/citt%C3%A0": sends(http(OK, PNG))}


@pytest.fixture(autouse=True)
def strangers() -> Iterator[None]:
    """Let no test profit or suffer from what another one has taught about the host."""
    with forgetting_hosts():
        yield


def test_each_odd_answer_has_its_word() -> None:
    """Every answer, however odd, is one outcome with its word and HTTP status, all of them asked for at the same time."""
    paths = {f"/{number}": name for number, name in enumerate(ANSWERS)}
    with raw_host(PLACES | {path: ANSWERS[name][0] for path, name in paths.items()}) as host:
        rows = fetch_all([host.base_url + path for path in paths], **FAST, max_in_flight_per_host_per_task=len(ANSWERS))
    found = {name: (row.status.value, row.outcome.http_status) for name, row in zip(paths.values(), rows, strict=True)}
    assert found == {name: (status, http_status) for name, (_, status, http_status) in ANSWERS.items()}
    assert all((row.data == PNG) == (row.status.value == "ok") for row in rows)
    assert {row.outcome.attempts for row in rows} == {1}
    # Noticed within a tenth of a second, but for a machine that is busy with something else.
    assert max(row.outcome.elapsed_ms for row in rows) < 10_000


def test_what_cannot_change_is_asked_once_however_its_body_ends() -> None:
    """A 404 that breaks off is `http_error` after one attempt, as a whole one is."""
    with raw_host({"/": ANSWERS["404 cut off"][0]}) as host:
        row = fetch_all([f"{host.base_url}/"], **FAST | {"max_attempts": 3})[0]
    assert (row.status.value, row.outcome.http_status, row.outcome.attempts) == ("http_error", 404, 1)


def test_a_redirect_whose_body_never_comes_is_followed() -> None:
    """A redirect that announces a body and keeps it back leads on in the same attempt."""
    with raw_host(PLACES | {"/": sends(http("HTTP/1.1 302 Found\nLocation: /chunks\nContent-Length: 9"))}) as host:
        row = fetch_all([f"{host.base_url}/"], **FAST | {"total_timeout_s": 20.0})[0]
    assert (row.status.value, row.outcome.attempts) == ("ok", 1)


def test_retry_after_counts_however_its_body_ends() -> None:
    """What a 503 asks for is waited for though its body breaks off."""
    asked_s: list[float] = []

    def answer(connection: socket.socket) -> bool:
        asked_s.append(time.monotonic())
        if len(asked_s) > 1:
            return sends(http(OK, PNG))(connection)
        return sends(http("HTTP/1.1 503 Busy\nRetry-After: 1.2\nContent-Length: 100", b"x" * 20), then=CLOSE)(connection)

    with raw_host({"/": answer}) as host:
        row = fetch_all([f"{host.base_url}/"], **FAST | {"max_attempts": 2})[0]
    assert (row.status.value, row.outcome.attempts) == ("ok", 2)
    assert asked_s[1] - asked_s[0] >= 1.2


@pytest.mark.parametrize("verify", ["header", "decode", "none"])
def test_a_coding_that_nobody_knows(verify: str) -> None:
    """Under an unknown Content-Encoding a picture is one; what is none is `not_an_image`, and the message names the coding."""
    with raw_host({"/plain": sends(coded("binary", PNG)), "/coded": sends(coded("zstd", b"(\xb5/\xfd\x04"))}) as host:
        plain, packed = fetch_all([f"{host.base_url}/plain", f"{host.base_url}/coded"], **FAST, verify=verify)
    assert (plain.status.value, plain.data, plain.outcome.content_type) == ("ok", PNG, "image/png")
    assert packed.status.value == "not_an_image"
    assert "'zstd'" in (packed.outcome.message or "")


@pytest.mark.parametrize("name", ["gzip", "deflate", "raw deflate"])
@pytest.mark.parametrize("step", [1, 7, 64])
def test_a_compressed_body_in_small_pieces(name: str, step: int) -> None:
    """A compressed picture that comes a few bytes at a time is whole in the end."""
    pack = {"gzip": gzip.compress, "deflate": zlib.compress, "raw deflate": _raw_deflate}[name]
    # More than a step of the inflater comes out of the last few bytes.
    plain = PNG + bytes(150_000)
    body = pack(plain)

    def answer(connection: socket.socket) -> bool:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(http(f"HTTP/1.1 200 OK\nContent-Encoding: {name.rsplit(maxsplit=1)[-1]}\nContent-Length: {len(body)}"))
        for first in range(0, len(body), step):
            connection.sendall(body[first : first + step])
        return KEEP

    with raw_host({"/": answer}) as host:
        row = fetch_all([f"{host.base_url}/"], **FAST | {"total_timeout_s": 20.0})[0]
    assert (row.status.value, row.data) == ("ok", plain)


def test_a_bomb_is_not_inflated() -> None:
    """Of a body that becomes gigabytes no more is inflated in memory than max_bytes and a step."""
    import tracemalloc

    packed = gzip.compress(gzip.compress(bytes(1_000_000_000), 1), 1)
    bomb = gzip.decompress(packed)
    with raw_host({"/": sends(coded("gzip", bomb))}) as host:
        tracemalloc.start()
        row = fetch_all([f"{host.base_url}/"], **FAST | {"max_bytes": 6_000_000, "total_timeout_s": 20.0})[0]
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert row.status.value == "too_large"
    assert len(bomb) < 6_000_000 < peak < 40_000_000


def test_the_last_bytes_may_stand_for_more_than_a_step() -> None:
    """A body whose compressed form is read before the last of the plain one has come out is whole all the same."""
    for size in range(65_500, 66_000, 20):
        inflater = Inflater()
        inflater.take(_raw_deflate(bytes(size)))
        found = 0
        while plain := inflater.step():
            found += len(plain)
        inflater.end()
        assert found == size


# A connection that the host has closed while it was idle.


def serve_then_close(number_of_requests: int, delay_s: float = 0.0) -> Answer:
    """Answer so many requests of each connection, then close it, at once or a little later."""
    served: dict[socket.socket, int] = {}

    def answer(connection: socket.socket) -> bool:
        served[connection] = served.get(connection, 0) + 1
        if served[connection] > number_of_requests:
            # The request has come on a connection that is just closing: not a byte of an answer.
            return CLOSE
        connection.sendall(http(OK, PNG))
        if delay_s and served[connection] == number_of_requests:
            threading.Timer(delay_s, connection.shutdown, [socket.SHUT_RDWR]).start()
        return KEEP

    return answer


def test_a_connection_closed_just_as_it_is_reused_is_no_attempt() -> None:
    """A request that meets a closing connection goes out again on a new one: ok, one attempt, and the host counts both."""
    with raw_host({"/": serve_then_close(1)}) as host:
        for _ in range(10):
            row = fetch_all([f"{host.base_url}/"], **FAST)[0]
            assert (row.status.value, row.outcome.attempts) == ("ok", 1), row.outcome
        # The first is served; of the others each is sent on the connection of the one before, and again on its own.
        assert host.requests["/"] == 10 + 9
        assert host.connections == 10


def test_many_connections_closed_just_as_they_are_reused() -> None:
    """With every connection of a full window closing at its reuse, all rows are ok after one attempt."""
    with raw_host({f"/{number}": answer for answer in [serve_then_close(1)] for number in range(300)}) as host:
        urls = [f"{host.base_url}/{number}" for number in range(300)]
        rows = fetch_all(urls, **FAST | {"total_timeout_s": 20.0}, max_in_flight_per_host_per_task=30)
        assert {(row.status.value, row.outcome.attempts) for row in rows} == {("ok", 1)}
        assert set(host.requests) == {f"/{number}" for number in range(300)}
        assert max(host.requests.values()) <= 8


def test_connections_closed_while_idle_are_no_attempt() -> None:
    """With a host that closes after a hundredth of a second of rest, rows one after the other are ok after one attempt each."""
    with ImageServer(keep_alive_timeout_s=0.01) as host:
        pause = threading.Event()
        rows = []
        for number in range(100, 140):
            rows += fetch_all([f"{host.base_url}/seed/{number}/40/30"], **FAST)
            pause.wait(0.001 * (number % 20))
        stats = host.stats()
    assert {(row.status.value, row.outcome.attempts) for row in rows} == {("ok", 1)}
    # Each row is a redirect and a picture, answered once each, on whichever connection it came.
    assert stats["by_status"] == {"200": 40, "302": 40}
    assert stats["connections_opened"] > 2


def test_a_host_that_always_closes_is_an_attempt() -> None:
    """A request that fresh connections do not answer either is `connect`, with its attempts counted and no request more."""
    with raw_host({"/": sends(b"", then=CLOSE)}) as host:
        row = fetch_all([f"{host.base_url}/"], **FAST | {"max_attempts": 2})[0]
        assert (row.status.value, row.outcome.attempts) == ("connect", 2)
        assert host.requests["/"] == 2
