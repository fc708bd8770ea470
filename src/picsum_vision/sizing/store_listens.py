"""Whether anybody listens where a database of MLflow's should be: MLflow itself would try for more than a minute."""

from __future__ import annotations

import socket
from typing import Final
from urllib.parse import parse_qs, urlsplit

from picsum_vision.errors import EnvironmentProblem
from picsum_vision.redaction import without_login

# Port by scheme, of the databases that MLflow keeps runs in.
DATABASES: Final = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
# With these the host is elsewhere, or no host.
_OTHER_WAYS: Final = frozenset({"host", "hostaddr", "service", "unix_socket", "odbc_connect"})
_AT_MOST_S: Final = 5


def check_store_listens(uri: str) -> None:
    """Raise EnvironmentProblem where the address names a database's host and nobody answers there."""
    place = _place(uri)
    if place is None:
        return
    try:
        socket.create_connection(place, timeout=_AT_MOST_S).close()
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        raise EnvironmentProblem(f"{place[0]}:{place[1]} does not answer: {reason}") from error


def kind_and_driver(uri: str) -> tuple[str, str]:
    """Return the scheme in small letters without its driver, and the driver, "" where none is named."""
    kind, _, driver = uri.partition(":")[0].partition("+")
    return kind.lower(), driver


def _place(uri: str) -> tuple[str, int] | None:
    """Return host and port; None where the address is no database's, or names none that is reached over TCP for certain."""
    try:
        parts = urlsplit(without_login(uri))
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    kind, driver = kind_and_driver(uri)
    if kind not in DATABASES or not host or "," in host or _OTHER_WAYS & parse_qs(parts.query).keys():
        return None
    is_socket = kind == "mysql" and host == "localhost"  # to MySQL's own client that word is a file
    is_data_source = kind == "mssql" and driver in ("", "pyodbc") and port is None  # a name in ODBC's list, perhaps
    return None if is_socket or is_data_source else (host, port or DATABASES[kind])
