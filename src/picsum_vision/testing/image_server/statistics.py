"""What an image server saw: requests by host, status and path, how many at once, bytes, connections, faults, clients."""

from __future__ import annotations

import collections
from typing import Any, Final

MAX_PATHS: Final = 100_000
MAX_USER_AGENTS: Final = 100


class BoundedCounts:
    """Counts by name for the first `limit` names; the other names are counted together in `others`."""

    def __init__(self, limit: int) -> None:
        """Hold at most `limit` names."""
        self._limit = limit
        self.counts: dict[str, int] = {}
        self.others = 0

    def add(self, name: str) -> None:
        """Count `name` once."""
        if name in self.counts:
            self.counts[name] += 1
        elif len(self.counts) < self._limit:
            self.counts[name] = 1
        else:
            self.others += 1


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
        self.by_path = BoundedCounts(MAX_PATHS)
        self.faults: collections.Counter[str] = collections.Counter()
        self.user_agents = BoundedCounts(MAX_USER_AGENTS)

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

    def begin(self, host: str, path: str, user_agent: str, *, new_connection: bool) -> None:
        """Count a request that arrives."""
        for tally in (self.total, self.hosts[host]):
            tally.begin()
            tally.connections_opened += new_connection
        self.hosts[host].by_path.add(path)
        self.total.user_agents.add(user_agent)

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
        """Tell all figures: of both hosts together, then `by_host`, where `by_path` is too."""
        by_host = {
            name: {**tally.as_json(), "by_path": tally.by_path.counts, "paths_not_listed": tally.by_path.others}
            for name, tally in self.hosts.items()
        }
        agents = self.total.user_agents
        return {
            **self.total.as_json(),
            "by_host": by_host,
            "user_agents": agents.counts,
            "user_agents_not_listed": agents.others,
        }
