"""The servers of a case: one for each group, with what they saw of a run."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from benchmarks.harness.case import Server
from benchmarks.harness.responses_server import ResponsesServer
from picsum_vision.testing.image_server import Fault, ImageServer, Latency, RateLimit

_QUIET_WITHIN_S: Final = 15.0
_SEEN: Final = (
    "requests",
    "refused",
    "peak_in_flight",
    "seconds",
    "connections_opened",
    "bytes_sent",
    "bytes_received",
    "by_status",
    "faults",
)


class RunningServer:
    """A server of the kind that a group asks for."""

    def __init__(self, server: Server) -> None:
        """Start it."""
        made = (
            ImageServer(**_image_settings(server.settings))
            if server.kind == "images"
            else ResponsesServer(**_settings(server.settings))
        )
        self._server: Any = made.__enter__()

    @property
    def base_url(self) -> str:
        """Where it listens."""
        url: str = self._server.base_url
        return url

    def begin(self) -> None:
        """Wait until what went before has left, then count anew."""
        deadline_s = time.monotonic() + _QUIET_WITHIN_S
        while self._server.stats()["in_flight"] and time.monotonic() < deadline_s:
            time.sleep(0.05)
        self._server.reset_stats()

    def seen(self) -> dict[str, Any]:
        """Return what it counted since `begin`."""
        told = self._server.stats()
        return {name: told[name] for name in _SEEN if name in told}

    def stop(self) -> None:
        """End it."""
        self._server.__exit__(None, None, None)


def _settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {**settings, "latency": Latency(**settings.get("latency", {}))}


def _image_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    limit = settings.get("rate_limit")
    return {
        **_settings(settings),
        "faults": [Fault(**fault) for fault in settings.get("faults", ())],
        "rate_limit": None if limit is None else RateLimit(**limit),
    }
