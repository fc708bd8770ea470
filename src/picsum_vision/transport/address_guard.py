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

# IANA's special-purpose registries, written out: what `ipaddress` holds for global differs from one Python to the next.
_NOT_PUBLIC: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
        *("224.0.0.0/4", "240.0.0.0/4"),
        "168.63.129.16/32",  # Azure's host service
        # Protocol assignments, Teredo among them, but for those below; documentation.
        *("2001::/23", "2001:db8::/32", "3fff::/20"),
    )
)
# Relays of multicast, AS112's name servers, ORCHIDv2 and drones' identifiers. The anycast addresses of 2001:1:: and 192.0.0.0/24
# are answered by a device of the own network.
_PUBLIC_ALL_THE_SAME: Final = tuple(
    ipaddress.ip_network(network) for network in ("2001:3::/32", "2001:4:112::/48", "2001:20::/28", "2001:30::/28")
)
_GLOBAL_UNICAST: Final = ipaddress.ip_network("2000::/3")
# Of the local-use prefix 64:ff9b:1::/48 (RFC 8215) nobody outside knows where in it an IPv4 address stands: it is never public.
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
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
    inner = _embedded(parsed) if isinstance(parsed, ipaddress.IPv6Address) else None
    if inner is not None:
        return is_public(str(inner))
    if isinstance(parsed, ipaddress.IPv6Address) and parsed not in _GLOBAL_UNICAST:
        return False
    return not _is_in(parsed, _NOT_PUBLIC) or _is_in(parsed, _PUBLIC_ALL_THE_SAME)


def _is_in(address: IPAddress, networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]) -> bool:
    return any(address in network for network in networks)


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
    if address in _NAT64 or (int(address) >> 32) & 0xFFFFFFFF in _ISATAP_MARKS:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None
