"""Hosts that have asked for a longer silence than anybody waits for."""

from __future__ import annotations

import time

from picsum_vision.concurrency.recent import KEPT_AT_MOST


class Silences:
    """Until when which host wants no request. Without it the rows that wait for such a host would wait for days.

    Only what is longer than `max_retry_wait_s` is noted: shorter pauses are the lane's affair, and are waited for.
    """

    def __init__(self) -> None:
        """Know of none."""
        self._until_s: dict[str, float] = {}

    def waited_for_s(self, host: str, asked_s: float, most_s: float) -> float:
        """Return the part of an asked silence that is waited for: all of it up to `most_s`, or none, and the silence is noted."""
        if asked_s <= most_s:
            return asked_s
        now_s = time.monotonic()
        if len(self._until_s) >= KEPT_AT_MOST:
            self._until_s = {known: until_s for known, until_s in self._until_s.items() if until_s > now_s}
        if len(self._until_s) >= KEPT_AT_MOST:
            del self._until_s[next(iter(self._until_s))]
        self._until_s[host] = now_s + asked_s
        return 0.0

    def left_s(self, host: str) -> float:
        """Return for how many more seconds `host` wants no request."""
        if host not in self._until_s:
            return 0.0
        left_s = self._until_s[host] - time.monotonic()
        if left_s <= 0:
            del self._until_s[host]
        return max(0.0, left_s)
