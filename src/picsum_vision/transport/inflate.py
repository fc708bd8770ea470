"""Bodies that come compressed although we ask for them plain."""

from __future__ import annotations

import zlib
from typing import Final

from picsum_vision.transport.failures import BrokenOff
from picsum_vision.transport.head import Head

_GZIP: Final = 16 + zlib.MAX_WBITS
_ZLIB: Final = zlib.MAX_WBITS
_RAW: Final = -zlib.MAX_WBITS
_KNOWN: Final = ("gzip", "x-gzip", "deflate")
_PLAIN: Final = ("", "identity")
_GZIP_MARK: Final = b"\x1f\x8b"
_STEP_BYTES: Final = 65_536


class Inflater:
    """Inflates a body in steps of at most 64 KiB, so that a small body that becomes a huge one is noticed in time.

    Which format it is shows in its first two bytes: `deflate` ought to be zlib's, but some servers leave out its head. A gzip
    body may have several members, one behind the other; what else stands behind its end is passed over, as browsers do.
    """

    def __init__(self) -> None:
        """Take nothing yet."""
        self._inflate: zlib._Decompress | None = None
        self._compressed = b""
        self._has_member = self._is_over = self._holds_more = False

    def take(self, chunk: bytes) -> None:
        """Take a part of the compressed body."""
        if not self._is_over:
            self._compressed += chunk

    def step(self) -> bytes:
        """Return the next part of the plain body, empty when more of the compressed one is needed; raises BrokenOff."""
        plain = b""
        while not plain and (self._compressed or self._holds_more):
            if self._inflate is None:
                self._inflate = self._begin()
                if self._inflate is None:
                    break
            try:
                plain = self._inflate.decompress(self._compressed, _STEP_BYTES)
            except zlib.error as error:
                raise BrokenOff from error
            self._compressed = self._inflate.unconsumed_tail
            # The last bytes of the compressed form may stand for more than a step.
            self._holds_more = len(plain) == _STEP_BYTES
            if self._inflate.eof:
                self._has_member, self._compressed, self._inflate = True, self._inflate.unused_data, None
                self._holds_more = False
        return plain

    def _begin(self) -> zlib._Decompress | None:
        """Return what inflates the next member, None while its first bytes are missing, or where there is none."""
        if len(self._compressed) < len(_GZIP_MARK):
            return None
        if self._compressed.startswith(_GZIP_MARK):
            return zlib.decompressobj(wbits=_GZIP)
        if self._has_member:
            self._is_over, self._compressed = True, b""
            return None
        return zlib.decompressobj(wbits=_ZLIB if _has_zlib_head(self._compressed) else _RAW)

    def end(self) -> None:
        """Check that the compressed form came to its end; raises BrokenOff."""
        if self._inflate is not None or (self._compressed and not self._has_member):
            raise BrokenOff


def _has_zlib_head(compressed: bytes) -> bool:
    """Return whether it begins as RFC 1950 says: the method, and a check of both bytes."""
    first, second = compressed[:2]
    return first & 15 == zlib.DEFLATED and (first << 8 | second) % 31 == 0


def inflater(head: Head) -> Inflater | None:
    """Return what inflates the answer's body, None if it comes plain or in a form that we neither asked for nor know."""
    return Inflater() if _coding(head) in _KNOWN else None


def unknown_coding(head: Head) -> str | None:
    """Return the name of a form that we neither asked for nor know, None if the body can be read."""
    coding = _coding(head)
    return None if coding in _PLAIN or coding in _KNOWN else coding


def _coding(head: Head) -> str:
    return ", ".join(head.every(b"content-encoding")).lower()
