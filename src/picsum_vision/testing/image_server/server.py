"""An image host like Lorem Picsum, on this machine: two hosts, redirects, real pictures, and faults on demand.

The API host answers with redirects, the image host with pictures, each on a port of its own, on 127.0.0.1 unless
another address of this machine is given. The server runs in a process of its own: it takes no time from what is
measured, and ends with its parent.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from picsum_vision.testing.image_server.faults import Fault
from picsum_vision.testing.image_server.host_limit import RateLimit
from picsum_vision.testing.image_server.listening import listen
from picsum_vision.testing.image_server.settings import ImageServerSettings
from picsum_vision.testing.latency import Latency
from picsum_vision.testing.server_process import ServerProcess, get_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from typing_extensions import Self


class ImageServer:
    """A running image server; a context manager, or `start` and `stop`.

    Addresses, once started: `base_url` (API host), `image_url` (image host), `self_signed_url` (the API host over TLS with a
    certificate that nobody trusts) and `not_tls_url` (https to a port that speaks plain HTTP).
    """

    def __init__(self, **settings: Any) -> None:
        """Check the settings, those of :class:`ImageServerSettings`; nothing is started yet."""
        self._settings = ImageServerSettings(**settings)
        self._process: ServerProcess | None = None
        self.base_url = self.image_url = self.self_signed_url = self.not_tls_url = ""

    def start(self) -> Self:
        """Start the process and wait until it listens; raises `PortInUse` where it cannot."""
        if self._process is None:
            self._process = ServerProcess(listen, self._settings)
            addresses = self._process.addresses
            self.base_url, self.image_url = addresses["base_url"], addresses["image_url"]
            self.self_signed_url, self.not_tls_url = addresses["self_signed_url"], addresses["not_tls_url"]
        return self

    def stop(self) -> None:
        """End the process. Stopping twice is no harm."""
        process, self._process = self._process, None
        if process is not None:
            process.stop()

    def stats(self) -> dict[str, Any]:
        """Tell what both hosts saw since the start or the last reset: see :mod:`.statistics`."""
        figures: dict[str, Any] = get_json(f"{self.base_url}/-/stats")
        return figures

    def reset_stats(self) -> None:
        """Begin anew: nothing seen, no fault with `times` given yet, no limit used up."""
        get_json(f"{self.base_url}/-/reset")

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop."""
        self.stop()


def serve_images(
    *,
    port: int = 0,
    image_port: int = 0,
    latency_mean_s: float = 0.0,
    latency_sigma: float = 0.5,
    requests_per_second: float | None = None,
    burst: int | None = None,
    faults: Sequence[Fault] = (),
    seed: int = 0,
    announce: Callable[[str], None] = print,
) -> None:
    """Serve in this process until Ctrl-C, and `announce` the addresses; raises `PortInUse` where it cannot listen."""
    limit = None if requests_per_second is None else RateLimit(requests_per_second=requests_per_second, burst=burst)
    settings = ImageServerSettings(
        port=port,
        image_port=image_port,
        latency=Latency(mean_s=latency_mean_s, sigma=latency_sigma),
        faults=tuple(faults),
        rate_limit=limit,
        seed=seed,
    )

    async def run() -> None:
        addresses = await listen(settings)
        announce(f"images on {addresses['base_url']} (redirects to {addresses['image_url']}); Ctrl-C stops it")
        await asyncio.Event().wait()

    try:
        asyncio.run(run())
    except KeyboardInterrupt:
        announce("stopped")
