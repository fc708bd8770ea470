"""Who logs in at a store of MLflow's, and the address without that: users read the one, nobody the other."""

from __future__ import annotations

import re
from typing import Final

# Port by scheme, of the databases that MLflow keeps runs in.
DATABASES: Final = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
# As SQLAlchemy reads a database's address: a password may hold any sign but @, also those that end a host elsewhere.
_DATABASE_LOGIN: Final = re.compile(r"[^:/@]*(?::[^@]*)?@")
_END_OF_HOST: Final = re.compile(r"[/?#]")


def kind_and_driver(uri: str) -> tuple[str, str]:
    """Return the scheme in small letters without its driver, and the driver, "" where none is named."""
    kind, _, driver = uri.partition(":")[0].partition("+")
    return kind.lower(), driver


def login_and_rest(uri: str) -> tuple[str, str]:
    """Return `user:password` as written, "" where there is none, and the address without it and its @."""
    scheme, separator, after = uri.partition("://")
    if not separator:
        return "", uri
    is_database = kind_and_driver(uri)[0] in DATABASES
    login = _DATABASE_LOGIN.match(after) if is_database else None
    end = login.end() if login else 0
    end += _END_OF_HOST.split(after[end:], maxsplit=1)[0].rfind("@") + 1
    return after[: max(0, end - 1)], f"{scheme}{separator}{after[end:]}"
