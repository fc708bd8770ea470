"""Whom a request is sent to."""

from __future__ import annotations

import functools
from typing import NamedTuple

_USUAL_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """Scheme, host (in its ASCII form, without brackets) and port."""

    scheme: str
    host: str
    port: int

    @property
    def host_field(self) -> bytes:
        """The value of the request's Host field."""
        return _host_field(self)


@functools.lru_cache(maxsize=4_096)
def _host_field(origin: Origin) -> bytes:
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    return (host if origin.port == _USUAL_PORTS.get(origin.scheme) else f"{host}:{origin.port}").encode("ascii")
