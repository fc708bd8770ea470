"""The way to a host: straight or through a proxy, and whose certificates are trusted."""

from __future__ import annotations

import functools
import ssl
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import pycurl

from picsum_vision.transport.origin import Origin

_CA_VARIABLES: Final = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


class Route(NamedTuple):
    """libcurl's options for requests to an origin, and whether the address that is connected to must be public."""

    options: tuple[tuple[int, Any], ...]
    is_proxied: bool
    public_addresses_only: bool


def route(origin: Origin, environment: Mapping[str, str], *, public_addresses_only: bool) -> Route:
    """Return how requests reach `origin`. A proxy may have any address: whom it asks is checked by the written host alone."""
    proxy = proxy_of(origin)
    options: list[tuple[int, Any]] = [(pycurl.PROXY, proxy)]
    if origin.scheme == "https":
        options += [*_authorities(environment), (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2TLS), (pycurl.PIPEWAIT, 1)]
    return Route(tuple(options), bool(proxy), public_addresses_only and not proxy)


def proxy_of(origin: Origin) -> str:
    """Return the proxy that the environment names for `origin`, empty where it is asked straight."""
    proxies = urllib.request.getproxies_environment()
    if urllib.request.proxy_bypass_environment(f"{origin.host}:{origin.port}", proxies):  # type: ignore[attr-defined]  # typeshed
        return ""
    return proxies.get(origin.scheme) or proxies.get("all") or ""


def _authorities(environment: Mapping[str, str]) -> list[tuple[int, Any]]:
    named = next((environment[name] for name in _CA_VARIABLES if environment.get(name)), None)
    if named is not None:
        return [(pycurl.CAPATH if Path(named).is_dir() else pycurl.CAINFO, named)]
    return _system_authorities()


@functools.lru_cache(maxsize=1)
def _system_authorities() -> list[tuple[int, Any]]:
    """Return where Python's own OpenSSL looks; pycurl's wheel brings one that looks where it was built."""
    paths = ssl.get_default_verify_paths()
    if paths.cafile:
        return [(pycurl.CAINFO, paths.cafile)]
    if paths.capath:
        return [(pycurl.CAPATH, paths.capath)]
    try:
        import certifi  # noqa: PLC0415 - requests and MLflow bring it; only where the system has nothing
    except ImportError:
        return [(pycurl.SSL_OPTIONS, pycurl.SSLOPT_NATIVE_CA)]
    return [(pycurl.CAINFO, certifi.where())]
