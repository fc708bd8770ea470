"""Bodies that come compressed although we ask for them plain."""

from __future__ import annotations

import zlib
from typing import Final

from picsum_vision.transport.failures import BrokenOff
from picsum_vision.transport.head import Head

_GZIP_OR_ZLIB: Final = 32 + zlib.MAX_WBITS
_RAW: Final = -zlib.MAX_WBITS
_KNOWN: Final = {"gzip": _GZIP_OR_ZLIB, "x-gzip": _GZIP_OR_ZLIB, "deflate": _GZIP_OR_ZLIB}
_PLAIN: Final = ("", "identity")
_STEP_BYTES: Final = 65_536


class Inflater:
    """Inflates a body in steps of at most 64 KiB, so that a small body that becomes a huge one is noticed in time."""

    def __init__(self, window_bits: int) -> None:
        """Take nothing yet."""
        self._window_bits = window_bits
        self._inflate = zlib.decompressobj(wbits=window_bits)
        self._compressed = b""
        self._began = False

    def take(self, chunk: bytes) -> None:
        """Take a part of the compressed body."""
        self._compressed += chunk

    def step(self) -> bytes:
        """Return the next part of the plain body, empty when more of the compressed one is needed; raises BrokenOff."""
        if not self._compressed:
            return b""
        try:
            plain = self._inflate.decompress(self._compressed, _STEP_BYTES)
        except zlib.error as error:
            if self._began or self._window_bits == _RAW:
                raise BrokenOff from error
            # `deflate` ought to be zlib's format; some servers send it without its head.
            self._window_bits, self._inflate = _RAW, zlib.decompressobj(wbits=_RAW)
            return self.step()
        self._began = True
        self._compressed = self._inflate.unconsumed_tail
        return plain

    def end(self) -> None:
        """Check that the compressed form came to its end; raises BrokenOff."""
        if self._began and not self._inflate.eof:
            raise BrokenOff


def inflater(head: Head) -> Inflater | None:
    """Return what inflates the answer's body, None if it comes plain or in a form that we neither asked for nor know."""
    coding = (head.first(b"content-encoding") or "").lower()
    return Inflater(_KNOWN[coding]) if coding in _KNOWN else None


def unknown_coding(head: Head) -> str | None:
    """Return the name of a form that we neither asked for nor know, None if the body can be read."""
    coding = (head.first(b"content-encoding") or "").lower()
    return None if coding in _PLAIN or coding in _KNOWN else coding
