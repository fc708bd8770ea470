"""Results as a suite would have left them, with times that follow a stated rule."""

from __future__ import annotations

import contextlib
import http.server
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from served import served

from picsum_vision.sizing.model import Demand
from picsum_vision.sizing.result import SizeFigures, SizingResult, StageFigures

TERMS: dict[str, Any] = {
    "image_latency_s": 0.5,
    "model_latency_s": 1.0,
    "tasks": 2,
    "latency_sigma": 0.5,
    "download_in_flight_per_task": 512,
    "describe_in_flight_per_task": 128,
    "checkpoint_interval_s": 60,
    "is_fused": True,
}


def suite(
    seconds: Callable[[str, int, int], float],
    *,
    sizes: Sequence[int] = (100, 1_000, 5_000),
    repeats: int = 1,
    name: str = "a",
    **terms: Any,
) -> SizingResult:
    """Return a suite whose stages took `seconds(stage, images, repeat)`."""
    stages = ("urls", "download", "describe", "total")
    return SizingResult(
        suite=name,
        started_at="2026-11-24T00:00:00+00:00",
        settings={
            "demand": {**TERMS, **terms},
            "target": {"images": "http://127.0.0.1:1", "model": "http://127.0.0.1:2"},
            "own_servers": {"images": True, "model": True},
        },
        environment={"spark": "4.1.4", "processes": "measured"},
        sizes=[
            SizeFigures(
                images=images,
                repeats=[
                    {stage: figures(images, seconds(stage, images, number)) for stage in stages} for number in range(repeats)
                ],
            )
            for images in sizes
        ],
    )


def figures(images: int, seconds: float, **others: Any) -> StageFigures:
    return StageFigures(
        rows=images, rows_ok=images, seconds=seconds, by_status={"ok": images}, latency_ms={"mean": 500.0}, **others
    )


def demand(**terms: Any) -> Demand:
    return Demand(**{**TERMS, **terms})


def closed_port() -> int:
    """Return a port of loopback on which nobody listens."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port: int = closed.getsockname()[1]
    return port


@contextlib.contextmanager
def overloaded_server() -> Iterator[tuple[str, list[str]]]:
    """Give the address of a server that always says that it cannot now, and what it was asked."""
    asked: list[str] = []

    class Overloaded(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.command} {self.path}")
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with served(Overloaded) as address:
        yield address, asked
