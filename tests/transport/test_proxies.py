"""A proxy of the environment is the only way out: names that this machine does not know, CONNECT, passwords, NO_PROXY, CA files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from scripted_host import Host, client, get, leaving_nothing, plain, script
from small_proxy import SmallProxy

from picsum_vision.transport.failures import CurlError, TransportFailure, translate
from picsum_vision.transport.whole_body import WholeBody

from test_connecting import tls

PRIVATE = trustme.CA()
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin without any proxy or CA file."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[str]:
    """Give the file of the private CA."""
    file = tmp_path / "private.pem"
    PRIVATE.cert_pem.write_to_path(str(file))
    yield str(file)


def through_proxy(
    patch: pytest.MonkeyPatch, scheme: str, variables: dict[str, str], credentials: str | None = None
) -> tuple[WholeBody, SmallProxy]:
    """Return the answer of a host that only the proxy knows; PROXY in the variables is the proxy's host and port."""

    async def work() -> tuple[WholeBody, SmallProxy]:
        context = tls("pictures.corp", authority=PRIVATE) if scheme == "https" else None
        port = 443 if scheme == "https" else 80
        async with Host(lambda _: script(plain(b"ok"))).serving(context) as host:
            names = {"pictures.corp:None": ("127.0.0.1", host.port), f"pictures.corp:{port}": ("127.0.0.1", host.port)}
            async with SmallProxy(names, credentials).serving() as proxy:
                for name, value in variables.items():
                    patch.setenv(name, value.replace("PROXY", f"127.0.0.1:{proxy.port}"))
                async with client() as http:
                    return await get(http, f"{scheme}://pictures.corp/a?b=c"), proxy

    return leaving_nothing(work)


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_http(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """A host whose name only the proxy knows is asked through it, whichever variable names the proxy."""
    told, proxy = through_proxy(monkeypatch, "http", {variable: "http://PROXY"})
    assert (told.status, told.body) == (200, b"ok")
    assert proxy.asked == ["GET http://pictures.corp/a?b=c"]


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_https_with_a_private_authority(monkeypatch: pytest.MonkeyPatch, authority: str, variable: str) -> None:
    """An https host is asked through CONNECT, and its certificate checked against the CA file of each variable."""
    told, proxy = through_proxy(monkeypatch, "https", {"https_proxy": "http://PROXY", variable: authority})
    assert (told.status, told.body) == (200, b"ok")
    assert proxy.asked == ["CONNECT pictures.corp:443"]


def test_https_without_the_authority(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the CA file the certificate is refused, and the reason is OpenSSL's own."""
    with pytest.raises(CurlError, match="unable to get local issuer certificate|self.signed") as caught:
        through_proxy(monkeypatch, "https", {"https_proxy": "http://PROXY"})
    assert translate(caught.value) is TransportFailure.TLS


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_credentials(monkeypatch: pytest.MonkeyPatch, authority: str, scheme: str) -> None:
    """A user and a password in the proxy's URL are told to the proxy."""
    variables = {f"{scheme}_proxy": "http://jo:s%40cret@PROXY", "SSL_CERT_FILE": authority}
    told, proxy = through_proxy(monkeypatch, scheme, variables, credentials="jo:s@cret")
    assert (told.body, proxy.refused) == (b"ok", 0)


def test_no_credentials(monkeypatch: pytest.MonkeyPatch, authority: str) -> None:
    """A proxy that wants a password says so: as an answer over http, as the reason of a failure over https."""
    told, _ = through_proxy(monkeypatch, "http", {"http_proxy": "http://PROXY"}, credentials="jo:secret")
    assert told.status == 407
    with pytest.raises(CurlError, match="407"):
        through_proxy(
            monkeypatch, "https", {"https_proxy": "http://PROXY", "SSL_CERT_FILE": authority}, credentials="jo:secret"
        )


@pytest.mark.parametrize("exempt", ["127.0.0.1", "*", "127.0.0.1:PORT", "elsewhere.test, 127.0.0.1"])
def test_no_proxy(monkeypatch: pytest.MonkeyPatch, exempt: str) -> None:
    """Hosts that NO_PROXY names are asked straight."""

    async def work() -> tuple[bytes, list[str]]:
        async with Host(lambda _: script(plain(b"ok"))).serving() as host, SmallProxy({}).serving() as proxy:
            monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
            monkeypatch.setenv("no_proxy", exempt.replace("PORT", str(host.port)))
            async with client() as http:
                return (await get(http, f"http://127.0.0.1:{host.port}/")).body, proxy.asked

    assert leaving_nothing(work) == (b"ok", [])
