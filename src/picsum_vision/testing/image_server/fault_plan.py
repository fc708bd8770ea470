"""Which request gets which fault: decided by the seed and the path alone, never by the order of arrival."""

from __future__ import annotations

import collections
import hashlib
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from picsum_vision.testing.image_server.faults import Fault

_PARTS: Final = 2**64


class FaultPlan:
    """The faults of a server, in the order in which they are tried."""

    def __init__(self, faults: Sequence[Fault], seed: int) -> None:
        """Draw the shares with `seed`."""
        self._seed = seed
        self._entries = [(number, fault, re.compile(fault.path or "")) for number, fault in enumerate(faults)]
        self._given: collections.Counter[tuple[int, str, str]] = collections.Counter()

    def choose(self, host: str, path: str) -> Fault | None:
        """Tell the fault of this request, None for a proper answer; counts it as given."""
        for number, fault, pattern in self._entries:
            if fault.host not in {host, "both"} or not pattern.match(path) or not self._drawn(number, fault, host, path):
                continue
            if fault.times is not None:
                key = (number, host, path)
                if self._given[key] >= fault.times:
                    continue
                self._given[key] += 1
            return fault
        return None

    def clear(self) -> None:
        """Forget what was given, so that `times` counts anew."""
        self._given.clear()

    def _drawn(self, number: int, fault: Fault, host: str, path: str) -> bool:
        if fault.share >= 1:
            return True
        lot = f"{self._seed} {number} {host} {path}".encode("utf-8", "surrogateescape")
        digest = hashlib.blake2b(lot, digest_size=8).digest()
        return int.from_bytes(digest, "big") / _PARTS < fault.share
