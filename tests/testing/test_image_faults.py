"""Every fault of the image server, as a raw client sees it."""

from __future__ import annotations

import asyncio
import email.utils
import io
import socket
import ssl
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from PIL import Image

from picsum_vision.testing.image_server import Fault, ImageServer, RateLimit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

FAULTS: dict[str, dict[str, Any]] = {
    "hang_before_headers": {},
    "hang_after_headers": {},
    "straggler": {"delay_s": 1.5},
    "trickle": {"bytes_per_second": 200},
    "endless": {},
    "cut_off": {},
    "content_length_too_long": {},
    "content_length_too_short": {},
    "text_as_image": {},
    "html": {},
    "empty": {},
    "bomb": {"side_px": 30_000},
    "redirect_loop": {},
    "redirect_private": {},
    "redirect_metadata": {},
    "redirect_scheme": {},
    "reset": {},
    "robots": {"robots": "noai, noimageai"},
    "oversize": {"size_bytes": 300_000},
    "truncated_jpeg": {},
    "animated_gif": {},
    "cmyk_jpeg": {},
    "rotated_jpeg": {},
    "png_16_bit": {},
    "webp": {},
}
IDS = {kind: number for number, kind in enumerate(FAULTS, start=1)}


@pytest.fixture(scope="module")
def server() -> Iterator[ImageServer]:
    """Run one server that has each fault at an id of its own."""
    faults = [Fault(kind=kind, path=f"/id/{IDS[kind]}/", **values) for kind, values in FAULTS.items()]
    late = Fault(kind="status", path="/id/50/", status=429, retry_after="seconds", retry_after_s=7)
    dated = Fault(kind="status", path="/id/51/", status=503, retry_after="date", retry_after_s=60)
    bare = Fault(kind="status", path="/id/52/", status=502)
    second_hop = Fault(kind="html", path="/id/53/", host="image")
    listing = Fault(kind="cut_off", path="/v2/list")
    once = Fault(kind="status", path="/id/54/", times=1)
    with ImageServer(faults=[*faults, late, dated, bare, second_hop, listing, once]) as running:
        yield running


class Raw:
    """A connection on which one request was sent."""

    def __init__(self, server: ImageServer, path: str) -> None:
        """Connect and ask for `path`."""
        host, port = server.base_url.removeprefix("http://").split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=20)
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        self.received = b""

    def read(self, at_most: int = 10_000_000, timeout_s: float = 20) -> bytes:
        """Read until `at_most` bytes are there, the connection ends, or nothing comes for so long."""
        self.socket.settimeout(timeout_s)
        try:
            while len(self.received) < at_most and (data := self.socket.recv(65536)):
                self.received += data
        except TimeoutError:
            return self.received
        self.closed = len(self.received) < at_most
        return self.received

    def read_headers(self) -> None:
        """Read until the headers are there."""
        while b"\r\n\r\n" not in self.received and not self.closed:
            self.read(len(self.received) + 1)

    def read_answer(self) -> None:
        """Read as many bytes as the headers announce."""
        self.read_headers()
        self.read(len(self.received) - len(self.body) + int(self.headers["Content-Length"]))

    closed = False

    @property
    def headers(self) -> dict[str, str]:
        """The headers, and the `status`."""
        lines = self.received.partition(b"\r\n\r\n")[0].decode().split("\r\n")
        return {"status": lines[0].split()[1], **dict(line.split(": ", 1) for line in lines[1:])}

    @property
    def body(self) -> bytes:
        """What came after the headers."""
        return self.received.partition(b"\r\n\r\n")[2]

    def __enter__(self) -> Self:
        """Stay connected until the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Disconnect."""
        self.socket.close()


def asked(server: ImageServer, kind: str, timeout_s: float | None = None) -> Raw:
    """Ask for the picture that has the fault; read what is announced, or what comes until nothing does for `timeout_s`."""
    with Raw(server, f"/id/{IDS[kind]}/80/60") as raw:
        if timeout_s is None:
            raw.read_answer()
        else:
            raw.read(timeout_s=timeout_s)
        return raw


def opened(data: bytes) -> Image.Image:
    """Decode a picture."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def test_silence_before_headers(server: ImageServer) -> None:
    """A server that hangs before its headers sends nothing and keeps the connection."""
    raw = asked(server, "hang_before_headers", timeout_s=0.3)
    assert (raw.received, raw.closed) == (b"", False)


def test_silence_after_headers(server: ImageServer) -> None:
    """A server that hangs after its headers announces a body, sends none of it and keeps the connection."""
    with Raw(server, f"/id/{IDS['hang_after_headers']}/80/60") as raw:
        raw.read_headers()
        raw.read(timeout_s=0.3)
    assert raw.headers["status"] == "200"
    assert int(raw.headers["Content-Length"]) > 1000
    assert (raw.body, raw.closed) == (b"", False)


def test_clients_that_leave_a_hanging_server_are_not_in_flight(server: ImageServer) -> None:
    """Once its client is gone, a hanging request is over."""
    asked(server, "hang_before_headers", timeout_s=0.1)
    deadline = time.monotonic() + 10
    while server.stats()["in_flight"] and time.monotonic() < deadline:
        time.sleep(0.02)
    assert server.stats()["in_flight"] == 0


def test_straggler_comes_late_and_right(server: ImageServer) -> None:
    """A straggler is the proper answer of the host, the redirect, after the wait."""
    with Raw(server, f"/id/{IDS['straggler']}/80/60") as raw:
        at_first = raw.read(timeout_s=0.1)
        raw.read(at_most=1)
    assert at_first == b""
    assert raw.headers["status"] == "302"


def test_trickle_comes_in_small_parts(server: ImageServer) -> None:
    """A trickle sends the right bytes, and by far not all of them in the first moment."""
    with Raw(server, f"/id/{IDS['trickle']}/80/60") as raw:
        raw.read(at_most=500)
    assert raw.body.startswith(b"\xff\xd8")
    assert 0 < len(raw.body) < int(raw.headers["Content-Length"])


def test_trickle_ends_with_a_whole_picture() -> None:
    """A trickle that is waited for is the whole picture."""
    with ImageServer(faults=[Fault(kind="trickle", bytes_per_second=20_000)]) as server, Raw(server, "/id/1/80/60") as raw:
        raw.read_answer()
    assert opened(raw.body).size == (80, 60)


def test_endless_body(server: ImageServer) -> None:
    """An endless body is chunked, without a length, and goes on for as long as it is read."""
    with Raw(server, f"/id/{IDS['endless']}/80/60") as raw:
        raw.read(at_most=5_000_000)
    assert len(raw.received) >= 5_000_000
    assert raw.headers["Transfer-Encoding"] == "chunked"
    assert "Content-Length" not in raw.headers


@pytest.mark.parametrize("kind", ["cut_off", "content_length_too_long"])
def test_less_than_announced(server: ImageServer, kind: str) -> None:
    """A cut off or overstated body ends with the connection, before the announced length."""
    raw = asked(server, kind, timeout_s=20)
    assert raw.closed
    assert 0 < len(raw.body) < int(raw.headers["Content-Length"])


def test_more_than_announced(server: ImageServer) -> None:
    """An understated body goes on after the announced length, the connection staying open."""
    with Raw(server, f"/id/{IDS['content_length_too_short']}/80/60") as raw:
        raw.read_answer()
        raw.read(timeout_s=0.5)
    assert not raw.closed
    assert len(raw.body) > int(raw.headers["Content-Length"]) > 0
    assert opened(raw.body).size == (80, 60)


def test_no_pictures_in_disguise(server: ImageServer) -> None:
    """Text under image/jpeg, a web page with 200 and an empty body come as such."""
    text, page, empty = (asked(server, kind) for kind in ("text_as_image", "html", "empty"))
    assert (text.headers["Content-Type"], text.body[:4]) == ("image/jpeg", b"This")
    assert (page.headers["status"], page.headers["Content-Type"].split(";")[0], page.body[:5]) == ("200", "text/html", b"<!DOC")
    assert (empty.headers["status"], empty.headers["Content-Type"], empty.body) == ("200", "image/jpeg", b"")


def test_bomb_claims_its_pixels(server: ImageServer) -> None:
    """The bomb is a small file whose header claims 30,000 x 30,000 pixels."""
    raw = asked(server, "bomb")
    assert len(raw.body) < 200_000
    assert (int.from_bytes(raw.body[16:20], "big"), int.from_bytes(raw.body[20:24], "big")) == (30_000, 30_000)


@pytest.mark.parametrize(
    ("kind", "location"),
    [
        ("redirect_loop", f"/id/{IDS['redirect_loop']}/80/60"),
        ("redirect_private", "http://10.0.0.1/picture.jpg"),
        ("redirect_metadata", "http://169.254.169.254/latest/meta-data/"),
        ("redirect_scheme", "file:///etc/passwd"),
    ],
)
def test_redirects_that_must_not_be_followed(server: ImageServer, kind: str, location: str) -> None:
    """Bad redirects are 302s to themselves, to a private address, to a metadata service, to a file."""
    headers = asked(server, kind).headers
    assert (headers["status"], headers["Location"]) == ("302", location)


def test_reset(server: ImageServer) -> None:
    """A reset is a TCP reset, no orderly end."""
    with Raw(server, f"/id/{IDS['reset']}/80/60") as raw, pytest.raises(ConnectionResetError):
        raw.read()


def test_robots_header_comes_with_the_right_picture(server: ImageServer) -> None:
    """X-Robots-Tag has the given value, on the picture itself."""
    raw = asked(server, "robots")
    assert raw.headers["X-Robots-Tag"] == "noai, noimageai"
    assert opened(raw.body).size == (80, 60)


def test_oversize_is_valid_and_exact(server: ImageServer) -> None:
    """An oversize picture is a right JPEG of exactly the asked bytes."""
    raw = asked(server, "oversize")
    assert len(raw.body) == int(raw.headers["Content-Length"]) == 300_000
    assert opened(raw.body).size == (80, 60)


def test_truncated_jpeg_has_a_matching_length(server: ImageServer) -> None:
    """A truncated JPEG arrives whole as far as HTTP can tell, and does not decode."""
    raw = asked(server, "truncated_jpeg")
    assert len(raw.body) == int(raw.headers["Content-Length"])
    assert Image.open(io.BytesIO(raw.body)).size == (80, 60)
    with pytest.raises(OSError, match="truncated"):
        opened(raw.body)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("animated_gif", ("image/gif", "GIF", "P", (80, 60))),
        ("cmyk_jpeg", ("image/jpeg", "JPEG", "CMYK", (80, 60))),
        ("rotated_jpeg", ("image/jpeg", "JPEG", "RGB", (60, 80))),
        ("png_16_bit", ("image/png", "PNG", "I;16", (80, 60))),
        ("webp", ("image/webp", "WEBP", "RGB", (80, 60))),
    ],
)
def test_odd_pictures(server: ImageServer, kind: str, expected: tuple[str, str, str, tuple[int, int]]) -> None:
    """Odd pictures are valid files of their kind under their Content-Type."""
    raw = asked(server, kind)
    image = opened(raw.body)
    # Older Pillow reads 16-bit grey as "I".
    mode = "I;16" if image.mode == "I" else image.mode
    assert (raw.headers["Content-Type"], image.format, mode, image.size) == expected
    if kind == "animated_gif":
        assert getattr(image, "n_frames", 1) == 3
    if kind == "rotated_jpeg":
        assert image.getexif()[0x0112] == 6


def test_picture_faults_leave_errors_alone() -> None:
    """Where there is no picture to alter, the answer is the proper error."""
    with ImageServer(faults=[Fault(kind="cmyk_jpeg")]) as server, Raw(server, "/id/86/80/60") as raw:
        raw.read_answer()
    assert raw.headers["status"] == "404"


def status_of(server: ImageServer, number: int) -> tuple[int, dict[str, str], bytes]:
    """Follow redirects and tell status, headers and body."""

    async def ask() -> tuple[int, dict[str, str], bytes]:
        async with aiohttp.ClientSession() as session, session.get(f"{server.base_url}/id/{number}/80/60") as answer:
            return answer.status, dict(answer.headers), await answer.read()

    return asyncio.run(ask())


def test_error_statuses_look_like_nginx(server: ImageServer) -> None:
    """An error comes with an HTML page and Retry-After in seconds, as a date or not at all."""
    late, dated, bare = (status_of(server, number) for number in (50, 51, 52))
    assert (late[0], late[1]["Retry-After"]) == (429, "7")
    ahead_s = email.utils.parsedate_to_datetime(dated[1]["Retry-After"]).timestamp() - time.time()
    assert (dated[0], 30 < ahead_s < 62) == (503, True)
    assert (bare[0], "Retry-After" in bare[1]) == (502, False)
    assert all(headers["Content-Type"] == "text/html" and b"nginx" in body for _, headers, body in (late, dated, bare))


def test_fault_on_the_second_hop(server: ImageServer) -> None:
    """A fault on the image host comes after the redirect."""
    with Raw(server, "/id/53/80/60") as raw:
        raw.read_answer()
    assert raw.headers["status"] == "302"
    assert status_of(server, 53)[1]["Content-Type"].startswith("text/html")


def test_faults_reach_the_list_too(server: ImageServer) -> None:
    """The list can be cut off as a picture can."""
    with Raw(server, "/v2/list") as raw:
        raw.read()
    assert raw.closed
    assert len(raw.body) < int(raw.headers["Content-Length"])


def test_times_lets_a_retry_succeed_until_the_reset(server: ImageServer) -> None:
    """With times=1 the second request for a path succeeds, and a reset begins anew."""
    server.reset_stats()
    assert [status_of(server, 54)[0] for _ in range(2)] == [503, 200]
    assert server.stats()["faults"] == {"status": 1}
    server.reset_stats()
    assert status_of(server, 54)[0] == 503


def test_bad_tls(server: ImageServer) -> None:
    """One address presents a certificate that nobody trusts, another speaks no TLS at all, and neither harms the server."""
    with pytest.raises(urllib.error.URLError) as refused:
        urllib.request.urlopen(f"{server.self_signed_url}/id/60/20", timeout=20)
    assert isinstance(refused.value.reason, ssl.SSLCertVerificationError)
    with pytest.raises(urllib.error.URLError) as refused:
        urllib.request.urlopen(f"{server.not_tls_url}/id/60/20", timeout=20)
    assert isinstance(refused.value.reason, ssl.SSLError)
    blind = ssl.create_default_context()
    blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
    with urllib.request.urlopen(f"{server.self_signed_url}/id/60/20", timeout=20, context=blind) as answer:
        assert answer.status == 200


def test_rate_limit_refuses_what_is_above() -> None:
    """Each host lets its burst through and refuses the rest with Retry-After, counting them."""
    limit = RateLimit(requests_per_second=0.01, burst=3)
    with ImageServer(rate_limit=limit) as server:
        answers = [status_of(server, 1) for _ in range(5)]
        figures = server.stats()
    assert [answer[0] for answer in answers] == [200] * 3 + [429] * 2
    assert 1 <= int(answers[-1][1]["Retry-After"]) <= 100
    assert (figures["refused"], figures["by_host"]["api"]["refused"], figures["by_host"]["image"]["refused"]) == (2, 2, 0)
