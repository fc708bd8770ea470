"""What the image server properly answers, as a plain HTTP client sees it."""

from __future__ import annotations

import http.client
import io
import json
import urllib.parse
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from picsum_vision.testing.image_server import ImageServer
from picsum_vision.testing.image_server.pictures.catalogue import MISSING_IDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Answer:
    """An answer as it came, no redirect followed."""

    def __init__(self, url: str, method: str = "GET", headers: Mapping[str, str] | None = None) -> None:
        """Ask once, on a connection of its own."""
        parts = urllib.parse.urlsplit(url)
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=20)
        try:
            connection.request(method, urllib.parse.urlunsplit(parts._replace(scheme="", netloc="")), headers=dict(headers or {}))
            answer = connection.getresponse()
            self.status, self.headers, self.body = answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    @property
    def location(self) -> str:
        """Where the answer sends to."""
        return self.headers["Location"]

    @property
    def image(self) -> Image.Image:
        """The body as a decoded picture."""
        image = Image.open(io.BytesIO(self.body))
        image.load()
        return image


@pytest.fixture(scope="module")
def server() -> Iterator[ImageServer]:
    """Run one server without faults."""
    with ImageServer() as running:
        yield running


def picture(server: ImageServer, path: str) -> Answer:
    """Follow the redirect by hand and fetch the picture."""
    return Answer(Answer(server.base_url + path).location)


def test_api_redirects_without_a_body_to_the_other_host(server: ImageServer) -> None:
    """The API host answers 302 without body or Content-Type to the .jpg on the image host."""
    answer = Answer(f"{server.base_url}/id/1/200/120")
    assert (answer.status, answer.body) == (302, b"")
    assert answer.location.startswith(f"{server.image_url}/id/1/200/120.jpg?hmac=")
    assert server.image_url != server.base_url
    assert "Content-Type" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("path", "rest"),
    [
        ("/id/1/200", "/id/1/200/200.jpg"),
        ("/id/1/200.webp", "/id/1/200/200.webp"),
        ("/id/1/200/120.JPG", "/id/1/200/120.jpg"),
        ("/id/3/0/50", "/id/3/4000/50.jpg"),
        ("/id/1/5000/1", "/id/1/5000/1.jpg"),
        ("/id/1/20/30?blur", "/id/1/20/30.jpg?blur=5"),
        ("/id/1/20/30?grayscale&blur=10", "/id/1/20/30.jpg?blur=10&grayscale"),
    ],
)
def test_redirect_spells_out_what_was_asked(server: ImageServer, path: str, rest: str) -> None:
    """Square sizes, native sizes, suffixes and queries come out in full in the redirect."""
    location = Answer(server.base_url + path).location
    assert location.startswith(server.image_url + rest + ("&" if "?" in rest else "?") + "hmac=")


@pytest.mark.parametrize("path", ["/20", "/20/30", "/20.webp", "/seed/anything/20", "/seed/a%20b/20/30.jpg"])
def test_pictures_by_chance_and_by_seed_exist(server: ImageServer, path: str) -> None:
    """A picture that is not asked for by id is one that exists."""
    answer = picture(server, path)
    assert answer.status == 200
    assert int(answer.headers["Picsum-ID"]) not in MISSING_IDS


def test_a_seed_always_leads_to_the_same_picture(server: ImageServer) -> None:
    """The same seed is the same id, and different seeds spread over the ids."""
    first = Answer(f"{server.base_url}/seed/12/20").location
    assert Answer(f"{server.base_url}/seed/12/20").location == first
    assert len({Answer(f"{server.base_url}/seed/{seed}/20").location for seed in range(20)}) > 15


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/id/1/5001/10", 400, "Invalid size"),
        ("/id/1/99999999999999999999", 400, "Invalid size"),
        ("/id/1/20?blur=0", 400, "Invalid blur amount"),
        ("/id/1/20?blur=11", 400, "Invalid blur amount"),
        ("/id/1/20.png", 400, "Invalid file extension"),
        ("/id/86/20", 404, "Image does not exist"),
        ("/id/1085/20", 404, "Image does not exist"),
        ("/id/01/20", 404, "Image does not exist"),
        ("/id/1/800/abc", 404, "page not found"),
        ("/nothing", 404, "page not found"),
    ],
)
def test_errors_have_the_services_words(server: ImageServer, path: str, status: int, text: str) -> None:
    """Errors are plain text."""
    plain = Answer(server.base_url + path)
    assert (plain.status, plain.body) == (status, text.encode() + b"\n")
    assert plain.headers["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT"])
def test_only_get_is_allowed(server: ImageServer, method: str) -> None:
    """Other methods get 405 without Allow on both hosts."""
    location = Answer(f"{server.base_url}/id/1/20").location
    for url in (f"{server.base_url}/id/1/20", location):
        answer = Answer(url, method)
        assert (answer.status, answer.body) == (405, b"")
        assert "Allow" not in answer.headers


def test_image_headers(server: ImageServer) -> None:
    """A picture has the service's headers, none of those that it does not send, and ignores Range."""
    url = Answer(f"{server.base_url}/id/1/200/120").location
    whole = Answer(url)
    answer = Answer(url, headers={"Range": "bytes=0-9"})
    assert (answer.status, answer.body) == (200, whole.body)
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["Content-Length"] == str(len(whole.body))
    assert answer.headers["Content-Disposition"] == 'inline; filename="1-200x120.jpg"'
    assert answer.headers["Cache-Control"].startswith("public, max-age=2592000")
    assert answer.headers["Picsum-ID"] == "1"
    assert not {"ETag", "Last-Modified", "Accept-Ranges"} & set(answer.headers)


def test_pictures_are_what_was_asked(server: ImageServer) -> None:
    """JPEGs are progressive, grey ones have one channel, WebP is WebP, sizes are exact."""
    colour, grey = picture(server, "/id/5/200/120").image, picture(server, "/id/5/200/120?grayscale").image
    assert (colour.format, colour.mode, colour.size, bool(colour.info.get("progressive"))) == ("JPEG", "RGB", (200, 120), True)
    assert (grey.format, grey.mode, grey.size) == ("JPEG", "L", (200, 120))
    webp = picture(server, "/id/5/200/120.webp")
    assert (webp.image.format, webp.image.size, webp.headers["Content-Type"]) == ("WEBP", (200, 120), "image/webp")
    assert picture(server, "/id/5/1/1").image.size == (1, 1)
    assert picture(server, "/id/5/5000/2").image.size == (5000, 2)


def test_blur_blurs(server: ImageServer) -> None:
    """A blurred picture has less detail, so fewer bytes, the more the blurrier."""
    sizes = [len(picture(server, f"/id/7/400/300{query}").body) for query in ("", "?blur=2", "?blur=10")]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == 3


def test_list_entries(server: ImageServer) -> None:
    """A list entry has the six fields, the id as a string, thirty on a page unless asked otherwise."""
    answer = Answer(f"{server.base_url}/v2/list")
    entries = json.loads(answer.body)
    assert len(entries) == 30
    assert list(entries[0]) == ["id", "author", "width", "height", "url", "download_url"]
    assert entries[0]["id"] == "1"
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("query", "count", "rels"),
    [
        ("", 30, {"next": (2, 30)}),
        ("?page=2&limit=10", 10, {"prev": (1, 10), "next": (3, 10)}),
        ("?limit=1000", 100, {"next": (2, 100)}),
        ("?page=10&limit=100", 95, {"prev": (9, 100)}),
        ("?page=11&limit=100", 0, {"prev": (10, 100)}),
        ("?page=0&limit=-3", 30, {"next": (2, 30)}),
        ("?page=x&limit=y", 30, {"next": (2, 30)}),
    ],
)
def test_list_pages(server: ImageServer, query: str, count: int, rels: dict[str, tuple[int, int]]) -> None:
    """Page 1 always names a next one, the last names only the one before, and past the end is an empty list with 200."""
    answer = Answer(f"{server.base_url}/v2/list{query}")
    links = [f'<{server.base_url}/v2/list?page={page}&limit={limit}>; rel="{rel}"' for rel, (page, limit) in rels.items()]
    assert (answer.status, len(json.loads(answer.body))) == (200, count)
    assert answer.headers["Link"] == ", ".join(links)


def test_list_has_exactly_the_known_holes(server: ImageServer) -> None:
    """Of the ids 1..1084 the list lacks 89, and 87 of these are up to 1000."""
    pages = [json.loads(Answer(f"{server.base_url}/v2/list?limit=100&page={page}").body) for page in range(1, 12)]
    ids = [int(entry["id"]) for page in pages for entry in page]
    assert ids == sorted(set(ids))
    assert len(set(range(1, 1085)) - set(ids)) == 89
    assert len(set(range(1, 1001)) - set(ids)) == 87
    assert not {86, 97, 706, 714, 745, 754, 761, 763, 1007, 1017} & set(ids)


def test_idle_connections_are_closed() -> None:
    """A kept-alive connection carries several requests and is closed once it idles for the set time."""
    with ImageServer(keep_alive_timeout_s=0.3) as server:
        connection = http.client.HTTPConnection("127.0.0.1", int(server.base_url.rsplit(":", 1)[1]), timeout=20)
        for _ in range(2):
            connection.request("GET", "/id/1/20")
            connection.getresponse().read()
        assert connection.sock.recv(1) == b""
        assert server.stats()["connections_opened"] == 1
        connection.close()
