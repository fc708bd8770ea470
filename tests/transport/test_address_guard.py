"""No spelling, redirect, name or proxy leads a request to an address that is not public."""

# ruff: noqa: E501, RUF001, S104 - look-alike letters and lists of addresses are what is tested

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Iterator

import pytest
from fetching import fetch, fetch_all

from picsum_vision.outcomes import DownloadStatus
from picsum_vision.testing.image_server import Fault, ImageServer
from picsum_vision.transport import name_lookup
from picsum_vision.transport.address_guard import is_public, written_address

REFUSALS = {DownloadStatus.BLOCKED_ADDRESS, DownloadStatus.INVALID_URL, DownloadStatus.DNS}
GUARDED = {"allow_private_addresses": False, "total_timeout_s": 3, "max_attempts": 1}

# {p} is the port of a listener on loopback, IPv4 and IPv6, that counts who connects.
HOSTILE = [
    "http://127.0.0.1:{p}/", "http://127.0.0.1.:{p}/", "http://127.1:{p}/", "http://127.0.1:{p}/", "http://2130706433:{p}/",
    "http://0x7f000001:{p}/", "http://0x7F.0.0.1:{p}/", "http://0x7f.1:{p}/", "http://017700000001:{p}/", "http://0177.0.0.1:{p}/",
    "http://0177.1:{p}/", "http://00000177.0.0.1:{p}/", "http://127.000.000.001:{p}/", "http://127.0.0.2:{p}/",
    "http://127.255.255.254:{p}/", "http://0:{p}/", "http://0.0.0.0:{p}/", "http://00:{p}/", "http://0x0:{p}/", "http://0.0:{p}/",
    "http://localhost:{p}/", "http://localhost.:{p}/", "http://LOCALHOST:{p}/", "http://LocalHost.:{p}/", "http://localhost%2e:{p}/",
    "http://[::1]:{p}/", "http://[0:0:0:0:0:0:0:1]:{p}/", "http://[0000::0001]:{p}/", "http://[::]:{p}/", "http://[::1%25lo]:{p}/",
    "http://[::1%lo]:{p}/", "http://[::1%1]:{p}/", "http://[::ffff:127.0.0.1]:{p}/", "http://[::ffff:7f00:1]:{p}/",
    "http://[0:0:0:0:0:ffff:127.0.0.1]:{p}/", "http://[::127.0.0.1]:{p}/", "http://[::7f00:1]:{p}/", "http://[64:ff9b::127.0.0.1]:{p}/",
    "http://[64:ff9b::7f00:1]:{p}/", "http://[64:ff9b:1::7f00:1]:{p}/", "http://[2002:7f00:1::]:{p}/", "http://[2002:7f00:1::1]:{p}/",
    "http://[2001:0:7f00:1::]:{p}/", "http://[fe80::1%25lo]:{p}/", "http://[fe80::5efe:7f00:1]:{p}/", "http://[fc00::1]:{p}/",
    "http://[ff02::1]:{p}/", "http://user:secret@127.0.0.1:{p}/", "http://picsum.photos@127.0.0.1:{p}/",
    "http://picsum.photos:80@127.0.0.1:{p}/", "http://picsum.photos%40127.0.0.1:{p}/", "http://127.0.0.1:{p}#@picsum.photos/",
    "http://127.0.0.1:{p}?@picsum.photos/", "http://127.0.0.1:{p}\\@picsum.photos/", "http://\\127.0.0.1:{p}/", "http:\\\\127.0.0.1:{p}/",
    "http:/127.0.0.1:{p}/", "http:127.0.0.1:{p}/", "//127.0.0.1:{p}/", "http:///127.0.0.1:{p}/", "http://①②⑦.⓪.⓪.①:{p}/",
    "http://127。0。0。1:{p}/", "http://127．0．0．1:{p}/", "http://１２７.０.０.１:{p}/", "http://ⓛocalhost:{p}/", "http://loc\u00adalhost:{p}/",
    "http://ｌｏｃａｌｈｏｓｔ:{p}/", "http://%31%32%37.0.0.1:{p}/", "http://127.0.0.1%00.picsum.photos:{p}/", "http://127.0.0.1%20:{p}/",
    " http://127.0.0.1:{p}/ ", "\thttp://127.0.0.1:{p}/", "HTTP://127.0.0.1:{p}/", "https://127.0.0.1:{p}/", "https://[::1]:{p}/",
    "http://xn--localhost:{p}/", "ftp://127.0.0.1:{p}/", "gopher://127.0.0.1:{p}/_", "dict://127.0.0.1:{p}/", "ws://127.0.0.1:{p}/",
    "jar:http://127.0.0.1:{p}/!/", "view-source:http://127.0.0.1:{p}/", "data:text/html,http://127.0.0.1:{p}/",
    "http://[::ffff:0:127.0.0.1]:{p}/", "http://[::ffff:0x7f.1]:{p}/", "http://[2002:7f00:0001::7f00:1]:{p}/", "http://[::1]%lo:{p}/",
    "http://127.0.0.1../:{p}/", "http://127.0.0.1:{p}.picsum.photos/", "http://[127.0.0.1]:{p}/", "http://0177.0x0.0.1:{p}/",
    "http://user@picsum.photos@127.0.0.1:{p}/", "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:{p}/", "http://xn--ls8h@127.0.0.1:{p}/",
    "http://127.0.0.1:{p}/\r\nHost: picsum.photos", "http://0x7f.0x0.0x0.0x1:{p}/", "http://0o177.0.0.1:{p}/", "http://4294967297:{p}/",
]  # fmt: skip


@pytest.fixture(scope="module")
def listener() -> Iterator[tuple[int, list[str]]]:
    """Listen on loopback on one port, IPv4 and IPv6, and note everyone who connects."""
    reached: list[str] = []
    first = socket.create_server(("0.0.0.0", 0), backlog=50)
    port = first.getsockname()[1]
    sockets = [first]
    if socket.has_ipv6:
        sockets.append(socket.create_server(("::1", port), family=socket.AF_INET6, backlog=50))

    def accept(server: socket.socket) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            reached.append(str(connection.getsockname()))
            connection.close()

    threads = [threading.Thread(target=accept, args=(server,), daemon=True) for server in sockets]
    for thread in threads:
        thread.start()
    yield port, reached
    for server in sockets:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
    for thread in threads:
        thread.join(5)


def test_there_are_at_least_sixty() -> None:
    """The list of hostile URLs has at least 60 that differ."""
    assert len(set(HOSTILE)) >= 60


def test_the_listener_is_reached_where_it_is_allowed(listener: tuple[int, list[str]]) -> None:
    """With allow_private_addresses the listener counts a connection, so a count of none says something."""
    port, reached = listener
    before = len(reached)
    assert fetch(f"http://127.0.0.1:{port}/", max_attempts=1).status is DownloadStatus.CONNECT
    assert len(reached) > before


def test_no_hostile_url_reaches_loopback(listener: tuple[int, list[str]]) -> None:
    """None of the hostile URLs makes a connection to loopback, and each is refused by its word."""
    port, reached = listener
    before = len(reached)
    urls = [url.format(p=port) if "{p}" in url else url for url in HOSTILE]
    rows = fetch_all(urls, **GUARDED)
    assert reached[before:] == []
    assert {(url, row.status.value) for url, row in zip(urls, rows, strict=True) if row.status not in REFUSALS} == set()
    assert not any("secret" in f"{row.outcome.message}{row.outcome.final_url}" for row in rows)


# The test server, at 127.0.0.1, stands for a public host; all other addresses are judged as ever.
ELSEWHERE = [
    "http://127.0.0.2:{p}/", "http://127.2:{p}/", "http://2130706434:{p}/", "http://0x7f000002:{p}/", "http://0177.0.0.2:{p}/",
    "//127.0.0.2:{p}/", "http://[::1]:{p}/", "http://[::ffff:127.0.0.2]:{p}/", "http://u:p@127.0.0.2:{p}/", "http://127.0.0.2.:{p}/",
    "http://0:{p}/", "http://[::]:{p}/", "https://127.0.0.2:{p}/", "ftp://127.0.0.2:{p}/",
]  # fmt: skip


@pytest.fixture
def public_server_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let 127.0.0.1 and 127.0.0.3 pass for public, and names ending in .test resolve to loopback."""
    really = socket.getaddrinfo

    def judged(address: str) -> bool:
        return address in ("127.0.0.1", "127.0.0.3") or is_public(address)

    def resolve(host: str, port: int, *rest: object, **more: object) -> object:
        # A rebinding server: public for the first time, loopback from then on.
        if str(host).startswith("rebound"):
            answers[host] = answers.get(host, 0) + 1
            host = "127.0.0.3" if answers[host] == 1 else "127.0.0.2"
        if str(host).startswith("both"):
            return [*really("127.0.0.3", port, type=socket.SOCK_STREAM), *really("127.0.0.2", port, type=socket.SOCK_STREAM)]
        return really(host, port, *rest, **more)  # type: ignore[arg-type] - passed on as it came

    answers: dict[str, int] = {}
    for module in ("transport.address_guard", "transport.client", "transport.transfer", "downloading.target"):
        monkeypatch.setattr(f"picsum_vision.{module}.is_public", judged)
    monkeypatch.setattr(socket, "getaddrinfo", resolve)


@pytest.mark.usefixtures("public_server_address")
def test_no_redirect_reaches_loopback(listener: tuple[int, list[str]]) -> None:
    """A public host that redirects to any spelling of another loopback address gets nowhere: the guard holds for every hop."""
    port, reached = listener
    before = len(reached)
    spellings = [url.replace("127.0.0.1", "127.0.0.2") for url in HOSTILE if "127.0.0.1" in url]
    # A Location is one line; which other characters it may have is not the guard's affair.
    locations = [url.format(p=port) for url in [*ELSEWHERE, *spellings] if url.isascii() and url.isprintable()]
    assert len(locations) >= 40
    faults = [Fault(kind="redirect_private", path=f"/id/{number}/", location=place) for number, place in enumerate(locations, 1)]
    with ImageServer(faults=faults) as server:
        rows = fetch_all([f"{server.base_url}/id/{number}/80/60" for number in range(1, len(locations) + 1)], **GUARDED)
        assert fetch(f"{server.base_url}/id/100/80/60", **GUARDED).status is DownloadStatus.OK
    assert {(place, row.status) for place, row in zip(locations, rows, strict=True) if row.status not in REFUSALS} == set()
    assert not any("secret" in f"{row.outcome.message}{row.outcome.final_url}" for row in rows)
    assert reached[before:] == []


@pytest.mark.usefixtures("public_server_address")
def test_a_name_that_changes_its_answer_gains_nothing(listener: tuple[int, list[str]]) -> None:
    """A name that is public when it is checked and loopback when it is asked for again never leads to loopback."""
    port, reached = listener
    before = len(reached)
    names = [f"http://rebound{number}.test:{port}/" for number in range(5)]
    # Nobody listens on 127.0.0.3 but for the listener on all addresses: what comes there is the checked address, not the changed one.
    rows = fetch_all(names * 3, **{**GUARDED, "max_attempts": 3})
    assert {row.status for row in rows} <= {DownloadStatus.CONNECT, DownloadStatus.BLOCKED_ADDRESS}
    assert [peer for peer in reached[before:] if "127.0.0.2" in peer] == []


@pytest.mark.usefixtures("public_server_address")
def test_a_name_with_one_private_address_is_refused(listener: tuple[int, list[str]]) -> None:
    """A name with a public and a private address is blocked as a whole."""
    port, reached = listener
    before = len(reached)
    assert fetch(f"http://both.test:{port}/", **GUARDED).status is DownloadStatus.BLOCKED_ADDRESS
    assert reached[before:] == []


def test_the_connected_address_is_checked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a name was let through wrongly, the connection to a private address is closed before a request is sent on it."""

    monkeypatch.setattr("picsum_vision.transport.client.is_public", lambda _: True)
    monkeypatch.setattr(name_lookup, "_look_up", lambda _: ("127.0.0.1",))
    with ImageServer() as server:
        port = server.base_url.rpartition(":")[2]
        assert fetch(f"http://let-through.test:{port}/id/1/80/60", **GUARDED).status is DownloadStatus.BLOCKED_ADDRESS
        assert server.stats()["requests"] == 0


def test_a_proxy_is_no_way_round_the_guard(listener: tuple[int, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a proxy every hostile URL is refused by what is written, or by what its name has for addresses here."""
    port, reached = listener
    before = len(reached)
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
    urls = [url.format(p=port) if "{p}" in url else url for url in [*HOSTILE, "http://localhost/"]]
    rows = fetch_all(urls, **GUARDED)
    assert reached[before:] == []
    assert {(url, row.status.value) for url, row in zip(urls, rows, strict=True) if row.status not in REFUSALS} == set()


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "1.1.1.1",
        "2606:4700::1111",
        "2a00:1450:4001:80b::200e",
        "64:ff9b::8.8.8.8",
        "2002:808:808::1",
        "192.31.196.1",
        "192.52.193.1",
        "192.175.48.1",
        "2001:3::1",
        "2001:4:112::1",
        "2001:20::1",
        "2001:30::1",
        "2001:200::1",
        "2620:4f:8000::1",
        "3ffe:ffff::1",
        "::ffff:8.8.8.8",
    ],
)
def test_public_addresses_pass(address: str) -> None:
    """What is public stays reachable, also inside another address."""
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192",
        "0.0.0.0", "255.255.255.255", "224.0.0.1", "240.0.0.1", "198.18.0.1", "192.0.2.1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0",
        "fc00::1", "ff02::1", "::", "::1", "::ffff:10.0.0.1", "::10.0.0.1", "64:ff9b::10.0.0.1", "2002:a00:1::", "2001:0:a00:1::",
        "2001:db8::1", "2606:4700::5efe:10.0.0.1", "100::1", "fec0::1", "not an address", "",
    ],
)  # fmt: skip
def test_other_addresses_do_not_pass(address: str) -> None:
    """Loopback, private, link-local, shared, multicast, reserved and metadata addresses are refused, also inside another address."""
    assert not is_public(address)


# IANA's special-purpose registries (RFC 6890), what is not globally reachable in them, and multicast.
SPECIAL = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.0.0/29",
    "192.0.0.8/32", "192.0.0.170/32", "192.0.0.171/32", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
    "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "255.255.255.255/32", "::/128", "::1/128", "::/96",
    "::ffff:0:0:0/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/32", "2001:2::/48", "2001:5::/32", "2001:10::/28",
    "2001:db8::/32", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8", "4000::/3", "8000::/1",
]  # fmt: skip


@pytest.mark.parametrize("network", SPECIAL)
def test_special_networks_are_not_public_from_end_to_end(network: str) -> None:
    """No address of a special-purpose network passes, whatever this Python's `ipaddress` knows of it; nor inside another one."""
    found = ipaddress.ip_network(network)
    inside = [found[0], found[-1], found[found.num_addresses // 2], found[found.num_addresses // 3]]
    assert [str(address) for address in inside if is_public(str(address))] == []
    if found.version == 4:
        wrapped = [form.format(int(address) >> 16, int(address) & 0xFFFF) for address in inside for form in EMBEDDED]
        assert [address for address in wrapped if is_public(address)] == []


EMBEDDED = ["::ffff:{:x}:{:x}", "::{:x}:{:x}", "64:ff9b::{:x}:{:x}", "2002:{:x}:{:x}::1", "2606:4700::5efe:{:x}:{:x}"]


@pytest.mark.parametrize(
    "address", ["64:ff9b:1::8.8.8.8", "64:ff9b:1:a00:1:808:808:0", "64:ff9b:1:7f00:0:100::", "64:ff9b:1:ffff::"]
)
def test_the_local_prefix_of_nat64_is_local(address: str) -> None:
    """Where in it an IPv4 address stands is its network's own affair, so that no bits of it say that it is public."""
    assert not is_public(address)


@pytest.mark.parametrize("host", ["picsum.photos", "fastly.picsum.photos", "1.example", "0x7f.example", "127.0.0.1.example", "a"])
def test_names_are_no_addresses(host: str) -> None:
    """A name is left to the resolver, however much it looks like a number."""
    assert written_address(host) is None
