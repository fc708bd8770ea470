"""What must not be shown, and the one place that takes it out of texts, addresses, answers and data.

Secret are: user and password of an address, its query and fragment, for that of a signed one is a key; what is named a password,
token, key or signature; what looks like a key; and all that this process's environment holds under such a name.
"""

from __future__ import annotations

import base64
import functools
import html
import json
import os
import re
import traceback
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, unquote

HIDDEN: Final = "[redacted]"
CUT_QUERY: Final = "?redacted"
_URL_CHARACTERS: Final = 200
# Shorter ones are placeholders for servers that want any key ("EMPTY", "none"), and words that an answer may well have.
_SHORTEST_KEY: Final = 12
_SHORTEST_OF_ENVIRONMENT: Final = 6
_BASE64_BITS: Final = 6

# Those of Azure have a container's name where others have a user's. In JSON a slash may stand behind a backslash.
_SCHEME: Final = r"""(?:\b(?!(?:abfss?|wasbs?):)[a-z][a-z0-9+.-]{0,30}:|(?<![:\w]))(?:/|\\/){2}"""
_HOST_AND_PORT: Final = r"""(?:\[[0-9a-f:.%]*\]|[^\s/?#@:"'<>\\]*)(?::\d+)?(?:[/?#\\\s"'<>,;)]|$)"""
# A password may hold any sign, also those that end a host, and a database's may begin like a port.
_LOGIN: Final = rf"""(?i)(\b[a-z]*sql[a-z0-9+]*://|{_SCHEME}(?!{_HOST_AND_PORT}))[^\s"'<>]*@"""
_QUERY: Final = (
    r"""(?i)(\b[a-z][a-z0-9+.-]{0,30}:(?:/|\\/){2}[^\s?#"'<>]*|(?<![:\w])//[^\s?#"'<>]+|(?<=url: )/[^\s?#"'<>]*)[?#][^\s"'<>]*"""
)
_NAME: Final = (
    r"passw(?:or)?d|pwd|secret|token|signature|sig|credentials?|jsessionid"
    r"|(?:api|access|account|secret|private)[-_.]?key(?:[-_]?id)?"
)
_PAIR: Final = rf"""(?i)((?:{_NAME})(?:["']\s*:|["']?\s*=)\s*["']?)(?!Secret\.|None\b)([a-z0-9+/_%~*-][^\s"'&;,<>)}}\]]*)"""
_HEADER: Final = r"""(?i)\b((?:authorization|cookie)["']?\s*[:=]\s*["']?(?:\w+\s+)?|bearer\s+(?=\S*\d))[^\s"',;]{6,}"""
_KEY: Final = (
    r"\b(?:(?:(?:sk|hf|gsk|xai|gh[ops])[-_]|key-)(?=[\w*.-]{0,40}[\d*])|dapi(?=[0-9a-f]{8})|AKIA(?=[0-9A-Z]{12})|eyJ(?=[\w-]{8}))"
    r"[\w*.-]{8,}"
)
# For Python and for Spark's SQL: patterns, and what takes the place of what they find.
PATTERNS: Final = ((_LOGIN, "$1"), (_QUERY, "$1"), (_HEADER, f"$1{HIDDEN}"), (_PAIR, f"$1{HIDDEN}"), (_KEY, HIDDEN))

_COMPILED: Final = tuple((re.compile(pattern), other.replace("$1", r"\1")) for pattern, other in PATTERNS)
_COMPILED_LOGIN, _COMPILED_QUERY, _, _COMPILED_PAIR, _ = (pattern for pattern, _ in _COMPILED)
_TEXT_CHARACTERS: Final = 20_000  # of somebody else's error, which may quote a whole request
_SECRET_VARIABLE: Final = re.compile(r"(?i)(password|passwd|secret|token|key|credentials?)$")
# What ends an address in a text does not end one that is a whole value.
_ENDS_OF_URLS: Final = {ord(sign): 0xE000 + place for place, sign in enumerate(" \t\r\n\f\v\"'<>")}
_BACK: Final = {other: sign for sign, other in _ENDS_OF_URLS.items()}
_IS_URL: Final = re.compile(r"(?i)\s*(?:[a-z][a-z0-9+.-]*:)?//\S|[^\s:/@?#]+:[^\s/@?#]+@[\w.-]+(?:[:/?#]\S*)?$")
# Nothing before its query that could be a login, a name with a value, or an end within a text.
_PLAIN_URL: Final = re.compile(r"(?ai)https?://[a-z0-9.-]+(?::\d{1,5})?(?:/[\w.~/-]*)?(?=[?#]|$)")
_JSON_TEXT: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
# What image services ask for in words; a number is none, either.
_PLAIN_NAME: Final = re.compile(
    rf"(?i)(?!.*(?:{_NAME}|key|auth|hash|pin|otp|code|session|jwt|hmac|policy))[a-z][a-z0-9_.-]{{0,15}}"
)
_PLAIN_VALUE: Final = re.compile(
    r"(?i)\d{0,10}(\.\d{1,3})?|jpe?g|png|webp|avif|gif|auto|crop|clip|fill|fit|max|min|scale|cover|contain|inside|outside|center|top"
    r"|bottom|left|right|face|small|medium|large|thumb(nail)?|original|raw|true|false|yes|no|compress|format|ima?ge?|photo"
)
_PLAIN_FLAG: Final = re.compile(r"(?i)gr[ae]y(scale)?|blur|raw|download|original|thumb(nail)?|\d{1,10}")


class Redactor:
    """Hides given secrets as they stand, and as JSON, a URL, HTML or base64 would have them."""

    def __init__(self, *secrets: str | None, shortest: int = _SHORTEST_KEY) -> None:
        """Hide those of at least `shortest` characters."""
        forms = {form.encode("utf-8", "replace") for each in secrets if each and len(each) >= shortest for form in _forms(each)}
        # The longest first: an escaped form may hold a shorter one.
        ordered = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, ordered)), re.IGNORECASE) if ordered else None

    def body(self, body: bytes) -> bytes:
        """Return an answer without them."""
        return body if self._pattern is None else self._pattern.sub(HIDDEN.encode(), body)

    def text(self, text: str) -> str:
        """Return a text without them."""
        return self.body(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")


def redact_text(text: str, *addresses: str) -> str:
    """Return a text for people without anything secret; what `addresses` hold is secret wherever it stands.

    It must not have been cut before: the start of a secret is not known for one.
    """
    text = _of_environment(frozenset([*addresses, *_telling_variables()])).text(text)
    for pattern, other in _COMPILED:
        text = pattern.sub(other, text)
    return text


def redact_error(error: object, *addresses: str, at_most: int = 300) -> str:
    """Return what somebody else's error says, in one line without anything secret, at most so many characters."""
    text = redact_text(" ".join(str(error).split())[:_TEXT_CHARACTERS], *addresses)
    return text[:at_most] or type(error).__name__


def redact_traceback(error: BaseException) -> str:
    """Return an error with where it came from, in lines without anything secret."""
    return redact_text("".join(traceback.format_exception(error)))


def cause(error: BaseException) -> BaseException | None:
    """Return the error to `raise ... from`, None if it or one behind it says what must not be shown."""
    whole = "".join(traceback.format_exception_only(type(error), error))
    behind = error.__cause__ or error.__context__
    is_fit = redact_text(whole) == whole and (behind is None or cause(behind) is not None)
    return error if is_fit else None


def redact_url(url: str) -> str:
    """Return the URL without user, password, query and fragment, at most 200 characters: fit for a message or a table."""
    plain = _PLAIN_URL.match(url)  # as nearly all are, and this is done for each row
    if plain is not None and _COMPILED[-1][0].search(plain[0]) is None:
        return plain[0][:_URL_CHARACTERS]
    return _as_url(url, redact_text)[:_URL_CHARACTERS]


def without_login(url: str) -> str:
    """Return the URL without user and password."""
    return _as_url(url, lambda text: _COMPILED_LOGIN.sub(r"\1", text))


def holds_secret(url: str) -> bool:
    """Return whether the URL has a user, a password, or anything that is named like a secret."""
    return without_login(url) != url or _COMPILED_PAIR.search(url) is not None


def shareable(value: Any) -> Any:
    """Return data, with all that is nested in it, without what is secret of the URLs in its texts.

    User and password are left out, and so is the fragment of a URL; a query stays if it says nothing but numbers and the words of
    image services, as `?grayscale&blur=2` does, and is `?redacted` otherwise.
    """
    if isinstance(value, str):
        return _shareable_text(value)
    if isinstance(value, Mapping):
        return {shareable(name): shareable(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(shareable, value))
    return value


def shareable_json(text: str) -> str:
    """Return JSON as text, with its texts as `shareable` has them and everything else as it was written."""
    return _JSON_TEXT.sub(lambda found: json.dumps(shareable(json.loads(found[0])), ensure_ascii=False), text)


def _shareable_text(text: str) -> str:
    if "//" not in text and "@" not in text and "\\/" not in text:
        return text
    return _as_url(text, _shareable_url) if _IS_URL.match(text) else _shareable_urls(text)


def _shareable_url(url: str) -> str:
    return _COMPILED_PAIR.sub(rf"\1{HIDDEN}", _shareable_urls(url))


def _shareable_urls(text: str) -> str:
    return _COMPILED_QUERY.sub(_plain_query, _COMPILED_LOGIN.sub(r"\1", text))


def _plain_query(found: re.Match[str]) -> str:
    query = found[0][len(found[1]) :].partition("#")[0]
    return found[1] + (query if all(map(_is_plain, re.split("[&;]", query[1:]))) else CUT_QUERY)


def _is_plain(parameter: str) -> bool:
    name, is_pair, value = parameter.partition("=")
    if not is_pair:
        return not name or _PLAIN_FLAG.fullmatch(name) is not None
    return _PLAIN_NAME.fullmatch(name) is not None and _PLAIN_VALUE.fullmatch(value) is not None


def _as_url(url: str, change: Any) -> str:
    """Return a URL changed as one: whatever it holds, it does not end before its end, and it needs no scheme."""
    has_scheme = "//" in url or "\\/" in url
    text = (url if has_scheme else f"//{url}").translate(_ENDS_OF_URLS)
    changed = change(text)
    return url if changed == text else str(changed if has_scheme else changed[2:]).translate(_BACK)


def _telling_variables() -> Iterator[str]:
    """Yield the variables of this process that hold a secret: addresses, and whatever is named like one."""
    for name, value in os.environ.items():
        is_secret = _SECRET_VARIABLE.search(name) and len(value) >= _SHORTEST_OF_ENVIRONMENT and not value.startswith(("/", "."))
        if is_secret or ("://" in value and holds_secret(value)):
            yield value


@functools.lru_cache(maxsize=64)
def _of_environment(values: frozenset[str]) -> Redactor:
    return Redactor(*(secret for value in values for secret in _secrets_of(value)), shortest=1)


def _secrets_of(value: str) -> Iterable[str]:
    """Return the password of an address, or its user where that is a token, and what is named a secret in it; else the value."""
    if "://" not in value:
        return {value}
    login = _COMPILED_LOGIN.match(value.translate(_ENDS_OF_URLS))
    user, _, password = (login[0][len(login[1]) : -1].translate(_BACK) if login else "").partition(":")
    return {password or user, *(found[2] for found in _COMPILED_PAIR.finditer(value))}


def _forms(secret: str) -> Iterator[str]:
    for text in {secret, unquote(secret)}:
        in_json = json.dumps(text)[1:-1]
        yield from (text, in_json, in_json.replace("/", "\\/"), json.dumps(text, ensure_ascii=False)[1:-1])
        yield from (*(quote(text, safe=safe, errors="replace") for safe in ("", "/", ":")), html.escape(text))
        if len(text) >= _SHORTEST_OF_ENVIRONMENT:
            yield from _base64_forms(text.encode("utf-8", "replace"))


def _base64_forms(key: bytes) -> Iterator[str]:
    """Yield what base64 of any text with the key inside must have, whichever of the three places the key begins at."""
    for offset in range(3):
        first = -(-offset * 8 // _BASE64_BITS)
        last = (offset + len(key)) * 8 // _BASE64_BITS
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(bytes(offset) + key)[first:last].decode()
