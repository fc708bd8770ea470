"""No request reaches an address that a public picture cannot have.

The check stands at three places, so that another spelling of loopback, or a name that changes its answer, gains nothing: the
written host before anything is sent (:func:`written_address`), the addresses that a name resolves to, which are the very ones
that are connected to, and the address that was connected to, before a byte is sent (both in `transport.connecting`).
"""

from __future__ import annotations

import functools
import ipaddress
import socket
from typing import Final

_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_NAT64_LOCAL: Final = ipaddress.ip_network("64:ff9b:1::/48")
_GLOBAL_UNICAST: Final = ipaddress.ip_network("2000::/3")
_NOT_PUBLIC_V4: Final = tuple(
    ipaddress.ip_network(network)
    # Shared (carrier) addresses, with a cloud's metadata service; protocol assignments; the old 6to4 relays; Azure's host
    # service.
    for network in ("100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")
)
_ISATAP_MARKS: Final = (0x00005EFE, 0x02005EFE)

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class BlockedAddress(Exception):  # noqa: N818 - an outcome's word, never shown as an exception
    """The host's address is loopback, private, link-local, multicast, reserved or a cloud's metadata service."""


@functools.lru_cache(maxsize=4_096)
def is_public(address: str) -> bool:
    """Return whether a picture on the public internet can have this address; an address inside another one counts too."""
    try:
        parsed: IPAddress = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if parsed.version == 4:  # noqa: PLR2004 - the protocol's number
        return parsed.is_global and not parsed.is_multicast and not any(parsed in network for network in _NOT_PUBLIC_V4)
    inner = _embedded(parsed)
    if inner is not None:
        return is_public(str(inner))
    return parsed.is_global and parsed in _GLOBAL_UNICAST and not parsed.is_multicast


@functools.lru_cache(maxsize=4_096)
def written_address(host: str) -> str | None:
    """Return the address that a URL's host spells out in any way that the system understands, None for a name.

    `2130706433`, `0x7f.1`, `0177.0.0.1`, `127.1` and `127.0.0.1.` are all 127.0.0.1; in IPv6 a zone stays.
    """
    bare = host.strip("[]").rstrip(".")
    try:
        ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        pass
    else:
        return bare
    # What inet_aton takes is what getaddrinfo would take for an address; it also takes text behind a blank.
    if not bare or any(character.isspace() for character in bare):
        return None
    try:
        return socket.inet_ntoa(socket.inet_aton(bare))
    except (OSError, ValueError):
        return None


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    is_isatap = (int(address) >> 32) & 0xFFFFFFFF in _ISATAP_MARKS
    if address in _NAT64 or address in _NAT64_LOCAL or is_isatap:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None
