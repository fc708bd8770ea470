"""Check, before Spark is started, that the named master or Spark Connect server can be one and answers."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import urllib.parse
from typing import Final

from picsum_vision.errors import EnvironmentProblem, PortInUse, SettingError
from picsum_vision.redaction import redact_url

CONNECT_PORT: Final = 15002
_LOCAL = re.compile(r"local(\[\s*(\*|[1-9]\d*)\s*(,\s*[1-9]\d*\s*)?\])?|local-cluster\[\s*\d+\s*,\s*\d+\s*,\s*\d+\s*\]")
_STANDALONE = re.compile(r"spark://[^,/\s:]+:\d+(,[^,/\s:]+:\d+)*")
_ELSEWHERE = re.compile(r"yarn|k8s://\S+")
_ANSWER_TIMEOUT_S = 5.0


def check_master(master: str) -> None:
    """Refuse a master that Spark cannot parse (SettingError) or, for `spark://`, that does not answer (EnvironmentProblem)."""
    if _STANDALONE.fullmatch(master):
        places = [place.rpartition(":") for place in master.removeprefix("spark://").split(",")]
        if not any(_answers(host, int(port)) for host, _, port in places):
            raise EnvironmentProblem(f"master: nothing answers at {master}; start the cluster, or use local[*]")
    elif not _LOCAL.fullmatch(master) and not _ELSEWHERE.fullmatch(master):
        raise SettingError(
            f"master: {master!r} is not allowed; it must be local[*], local[N], spark://host:port, yarn or k8s://..."
        )


def is_local_remote(remote: str) -> bool:
    """Tell whether `remote` means a Spark Connect server to be started here, as `local[2]` does, or one at an `sc://` address."""
    if _LOCAL.fullmatch(remote):
        return True
    if remote.startswith("sc://"):
        return False
    raise SettingError(f"remote: {redact_url(remote.partition(';')[0])!r} is not allowed; it must be sc://host:port or local[N]")


def check_connect_server(remote: str) -> None:
    """Refuse an `sc://` address without a host, or where nothing answers. What follows `;`, perhaps a token, is never named."""
    try:
        address = urllib.parse.urlsplit(remote)
        host, port = address.hostname, address.port or CONNECT_PORT
    except ValueError:
        host, port = None, 0
    if not host:
        raise SettingError(f"remote: {redact_url(remote.partition(';')[0])!r} is not allowed; it must be sc://host:port")
    if not _goes_through_a_proxy(host) and not _answers(host, port):
        raise EnvironmentProblem(f"remote: no Spark Connect server answers at {host}:{port}; check the address, or that it runs")


def check_connect_port_is_free() -> None:
    """Refuse to start a second Spark Connect server on this machine: pyspark's own client looks for it at one fixed port."""
    if _answers("127.0.0.1", CONNECT_PORT):
        raise connect_port_in_use()


def connect_port_in_use() -> PortInUse:
    """Return the error for a Spark Connect server that cannot have its port."""
    return PortInUse(
        f"port {CONNECT_PORT}: another Spark Connect server has it; connect to that one with sc://localhost:{CONNECT_PORT}, "
        "or use a master instead of a remote"
    )


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=_ANSWER_TIMEOUT_S):
            return True
    except (OSError, OverflowError, UnicodeError):  # whatever the reason, nothing can be asked there
        return False


def _goes_through_a_proxy(host: str) -> bool:
    if host == "localhost" or _is_loopback(host):
        return False
    return any(os.environ.get(name) for name in ("grpc_proxy", "https_proxy", "http_proxy"))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name
        return False
