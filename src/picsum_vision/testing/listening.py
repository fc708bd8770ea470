"""Where an embedded server listens: on loopback, or on another address of this machine that other machines reach."""

from __future__ import annotations

import ipaddress
from typing import Final

DEFAULT_HOST: Final = "127.0.0.1"
ADDRESS_ALLOWED: Final = "an IPv4 address of this machine that clients can be told, such as 127.0.0.1 or 10.0.0.5"


def is_own_address(host: object) -> bool:
    """Return whether it has the form of an address that clients can be told; listening shows whether it is this machine's."""
    try:
        address = ipaddress.IPv4Address(host) if isinstance(host, str) else None
    except ValueError:
        return False
    return address is not None and not address.is_unspecified and not address.is_multicast
