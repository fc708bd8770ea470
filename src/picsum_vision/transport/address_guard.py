"""No request reaches an address that a public picture cannot have.

The check stands where names become addresses, so it sees what is really connected to: another spelling of loopback or a
name that changes its answer between check and use gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")
_SIX_TO_FOUR = ipaddress.ip_network("2002::/16")
_SHARED = ipaddress.ip_network("100.64.0.0/10")

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class BlockedAddress(Exception):  # noqa: N818 - an outcome's word, never shown as an exception
    """The host's address is loopback, private, link-local, multicast, reserved or a cloud's metadata service."""


def is_public(address: str) -> bool:
    """Return whether a picture on the public internet can have this address; an address inside another one counts too."""
    try:
        parsed: IPAddress = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    inner = _embedded(parsed)
    if inner is not None:
        return is_public(str(inner))
    return parsed.is_global and not parsed.is_multicast and not (parsed.version == 4 and parsed in _SHARED)


def _embedded(address: IPAddress) -> ipaddress.IPv4Address | None:
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64 or address in _NAT64_LOCAL:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _SIX_TO_FOUR:
        return address.sixtofour
    return None


def is_literal(host: str) -> bool:
    """Return whether the host is an address already, which no resolver will be asked for."""
    try:
        ipaddress.ip_address(host.partition("%")[0].strip("[]"))
    except ValueError:
        return False
    return True


class GuardedResolver(AbstractResolver):
    """Resolves names as the system does, and refuses a name with any address that is not public."""

    def __init__(self) -> None:
        """Use the system's resolver."""
        self._system = aiohttp.ThreadedResolver()

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[Any]:
        """Return the addresses of `host`; raises BlockedAddress if one of them is not public."""
        found = await self._system.resolve(host, port, family)
        if not all(is_public(entry["host"]) for entry in found):
            raise BlockedAddress
        return list(found)

    async def close(self) -> None:
        """Close the system's resolver."""
        await self._system.close()
