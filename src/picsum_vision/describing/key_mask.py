"""A key taken out of what an endpoint says: some gateways repeat the very header that they refuse."""

from __future__ import annotations

import base64
import html
import json
import re
from typing import Final
from urllib.parse import quote

_HIDDEN: Final = b"[key]"
# Shorter ones are placeholders for servers that want any key ("EMPTY", "none"), and words that an answer may well have.
_SHORTEST_KEY: Final = 12
_BASE64_BITS: Final = 6


class KeyMask:
    """Hides one key as it stands, and as JSON, a URL, HTML or base64 would have it."""

    def __init__(self, key: str | None) -> None:
        """Hide `key`; nothing if there is none."""
        forms = _forms(key) if key is not None and len(key) >= _SHORTEST_KEY else set()
        # The longest first: an escaped form may hold a shorter one.
        ordered = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(re.escape(form) for form in ordered)) if ordered else None

    def hide(self, body: bytes) -> bytes:
        """Return the body without the key."""
        return body if self._pattern is None else self._pattern.sub(_HIDDEN, body)


def _forms(key: str) -> set[bytes]:
    in_json = json.dumps(key)[1:-1]
    texts = {key, in_json, in_json.replace("/", "\\/"), json.dumps(key, ensure_ascii=False)[1:-1], quote(key, safe="")}
    texts |= {quote(key), html.escape(key)}
    return {text.encode() for text in texts} | _base64_forms(key.encode())


def _base64_forms(key: bytes) -> set[bytes]:
    """Return what base64 of any text with the key inside must have, whichever of the three places the key begins at."""
    forms = set()
    for offset in range(3):
        first = -(-offset * 8 // _BASE64_BITS)
        last = (offset + len(key)) * 8 // _BASE64_BITS
        padded = bytes(offset) + key
        forms |= {encode(padded)[first:last] for encode in (base64.b64encode, base64.urlsafe_b64encode)}
    return forms
