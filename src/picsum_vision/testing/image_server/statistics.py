"""What an image server saw: requests by host and status, how many at once, bytes, connections, faults."""

from __future__ import annotations

import collections
from typing import Any


class Tally:
    """The figures of one host, or of both together."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self.in_flight = 0
        self.clear()

    def clear(self) -> None:
        """Forget everything but the requests under way."""
        self.requests = 0
        self.peak_in_flight = self.in_flight
        self.refused = 0
        self.bytes_sent = 0
        self.connections_opened = 0
        self.by_status: collections.Counter[int] = collections.Counter()
        self.faults: collections.Counter[str] = collections.Counter()

    def begin(self) -> None:
        """Count a request that arrives."""
        self.requests += 1
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)

    def as_json(self) -> dict[str, Any]:
        """Tell the figures. `bytes_sent` are bytes of bodies."""
        return {
            "requests": self.requests,
            "in_flight": self.in_flight,
            "peak_in_flight": self.peak_in_flight,
            "refused": self.refused,
            "bytes_sent": self.bytes_sent,
            "connections_opened": self.connections_opened,
            "by_status": {str(status): count for status, count in sorted(self.by_status.items())},
            "faults": dict(sorted(self.faults.items())),
        }


class Statistics:
    """The figures of both hosts; one line of a request's life, one call here."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self.total = Tally()
        self.hosts = {"api": Tally(), "image": Tally()}

    def clear(self) -> None:
        """Forget everything but the requests under way."""
        for tally in (self.total, *self.hosts.values()):
            tally.clear()

    def begin(self, host: str, *, new_connection: bool) -> None:
        """Count a request that arrives."""
        for tally in (self.total, self.hosts[host]):
            tally.begin()
            tally.connections_opened += new_connection

    def refused(self, host: str) -> None:
        """Count a request that was over the limit."""
        self.total.refused += 1
        self.hosts[host].refused += 1

    def fault(self, host: str, kind: str) -> None:
        """Count a fault that was given."""
        self.total.faults[kind] += 1
        self.hosts[host].faults[kind] += 1

    def end(self, host: str, status: int | None, body_bytes: int) -> None:
        """Count a request as over: with the status line that was sent, if any was, and so many bytes of its body."""
        for tally in (self.total, self.hosts[host]):
            tally.in_flight -= 1
            tally.bytes_sent += body_bytes
            if status is not None:
                tally.by_status[status] += 1

    def as_json(self) -> dict[str, Any]:
        """Tell all figures: of both hosts together, then `by_host`."""
        return {**self.total.as_json(), "by_host": {name: tally.as_json() for name, tally in self.hosts.items()}}
