"""What is said of an MLflow store: its address and its errors, without user, password and query."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qsl, quote, unquote

from picsum_vision.urls import without_secrets

_ADDRESS: Final = re.compile(r"\w[\w+.-]*://\S+")
_SECRET_NAME: Final = re.compile(r"(?i)pass|pwd|token|secret|key")
_HIDDEN: Final = "***"
# As SQLAlchemy reads a database's address: a password may hold any sign but @, also those that end a host elsewhere.
_DATABASE: Final = re.compile(r"(?i)(?:postgresql|mysql|mssql)\b")
_DATABASE_LOGIN: Final = re.compile(r"[^:/@]*(?::[^@]*)?@")
_END_OF_HOST: Final = re.compile(r"[/?#]")


def redact_url(uri: str) -> str:
    """Return the address without user, password and query."""
    return without_secrets(_login_and_rest(uri)[1])


def redact_error(error: object, uri: str, *, at_most: int = 300) -> str:
    """Return what others say of a store, in one line without its user, password and query: MLflow quotes the whole address."""
    text = _replaced(" ".join(str(error).split()), uri, redact_url(uri))
    text = _ADDRESS.sub(lambda address: without_secrets(address[0]), text)
    userinfo, rest = _login_and_rest(uri)
    query = rest.partition("?")[2]
    for form in _forms(userinfo):
        text = _replaced(text, f"{form}@", "")
    if query:
        text = _replaced(text, f"?{query}", "")
    for secret in sorted(_secrets(userinfo, query), key=len, reverse=True):
        text = _replaced(text, secret, _HIDDEN)
    return text[:at_most]


def _secrets(userinfo: str, query: str) -> set[str]:
    """Return what nobody may read: the password, a user that has none, for that is a token, and such values of the query."""
    user, _, password = userinfo.partition(":")
    named = [value for name, value in parse_qsl(query) if _SECRET_NAME.search(name)]
    return {form for secret in [password or user, *named] for form in _forms(secret)}


def _forms(written: str) -> Iterator[str]:
    """Yield a part of an address as it is written, as it is meant, and as others write it; nothing for nothing."""
    if written:
        yield from (written, unquote(written), quote(unquote(written), safe=""), quote(unquote(written), safe=":"))


def _replaced(text: str, part: str, other: str) -> str:
    return re.sub(re.escape(part), lambda _: other, text, flags=re.IGNORECASE)


def _login_and_rest(uri: str) -> tuple[str, str]:
    """Return `user:password` as written, "" where there is none, and the address without it and its @."""
    scheme, separator, after = uri.partition("://")
    if not separator:
        return "", uri
    login = _DATABASE_LOGIN.match(after) if _DATABASE.match(scheme) else None
    end = login.end() if login else 0
    end += _END_OF_HOST.split(after[end:], maxsplit=1)[0].rfind("@") + 1
    return after[: max(0, end - 1)], f"{scheme}{separator}{after[end:]}"
