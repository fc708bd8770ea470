"""Whom a request is sent to."""

from __future__ import annotations

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
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (host if self.port == _USUAL_PORTS.get(self.scheme) else f"{host}:{self.port}").encode("ascii")
