"""An image host like Lorem Picsum, on this machine: two hosts, redirects, real pictures, and faults on demand.

The API host answers with redirects, the image host with pictures, each on a port of its own, on 127.0.0.1 unless
another address of this machine is given. The server runs in a process of its own
(`python -m picsum_vision.testing.image_server`): it takes no time from what is measured, and ends with its parent.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from picsum_vision.testing.image_server.faults import Fault
from picsum_vision.testing.image_server.host_limit import RateLimit
from picsum_vision.testing.image_server.listening import listen
from picsum_vision.testing.image_server.pictures.catalogue import MISSING_IDS
from picsum_vision.testing.image_server.settings import ImageServerSettings
from picsum_vision.testing.latency import Latency
from picsum_vision.testing.listening import DEFAULT_HOST
from picsum_vision.testing.server_process import ServerProcess, get_json

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from types import TracebackType

    from typing_extensions import Self

_MODULE: Final = "picsum_vision.testing.image_server"


class ImageServer:
    """A running image server; a context manager, or `start` and `stop`.

    Addresses, once started: `base_url` (API host), `image_url` (image host), `self_signed_url` (the API host over TLS with a
    certificate that nobody trusts) and `not_tls_url` (https to a port that speaks plain HTTP).
    """

    def __init__(
        self,
        *,
        host: str = DEFAULT_HOST,
        port: int = 0,
        image_port: int = 0,
        latency: Latency = Latency(),  # noqa: B008 - immutable
        faults: Sequence[Fault] = (),
        rate_limit: RateLimit | None = None,
        missing_ids: Collection[int] = MISSING_IDS,
        lost_ids: Collection[int] = (),
        seed: int = 0,
        keep_alive_timeout_s: float = 5.0,
        distinct_pictures: int = 128,
        cache_bytes: int = 256_000_000,
        warm_sizes: Sequence[tuple[int, int]] = (),
    ) -> None:
        """Check the settings; nothing is started yet.

        `host` is an address of this machine: another one than loopback lets other machines in. `port` and `image_port`: 0 is any
        free one. `latency` is waited on each hop. `rate_limit` holds for each host apart.
        `missing_ids` are 404, `lost_ids` 500 for good. `seed` decides shares, waits and signatures. `distinct_pictures` bounds
        the encodings for each size, `cache_bytes` all of them; `warm_sizes` (width, height) are encoded before it listens.
        """
        self._settings = ImageServerSettings(
            host=host,
            port=port,
            image_port=image_port,
            latency=latency,
            faults=tuple(faults),
            rate_limit=rate_limit,
            missing_ids=frozenset(missing_ids),
            lost_ids=frozenset(lost_ids),
            seed=seed,
            keep_alive_timeout_s=keep_alive_timeout_s,
            distinct_pictures=distinct_pictures,
            cache_bytes=cache_bytes,
            warm_sizes=tuple((width, height) for width, height in warm_sizes),
        )
        self._process: ServerProcess | None = None
        self.base_url = self.image_url = self.self_signed_url = self.not_tls_url = ""

    def start(self) -> Self:
        """Start the process and wait until it listens; raises `PortInUse` where it cannot."""
        if self._process is None:
            self._process = ServerProcess(_MODULE, self._settings.as_json())
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
