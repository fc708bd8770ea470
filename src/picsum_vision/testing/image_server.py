"""An image host like Lorem Picsum, on this machine: two hosts, redirects, real pictures, and faults on demand.

The API host answers with redirects, the image host with pictures, each on a port of its own on 127.0.0.1. The server runs in a
process of its own (`python -m picsum_vision.testing.image_server`): it takes no time from what is measured, and ends with its
parent.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from picsum_vision.errors import PortInUse
from picsum_vision.testing.fault_plan import FaultPlan
from picsum_vision.testing.faults import Fault, FaultKind
from picsum_vision.testing.host_limit import RateLimit, TokenBucket
from picsum_vision.testing.image_catalogue import MISSING_IDS, Catalogue
from picsum_vision.testing.image_host import Conditions, ImageHost
from picsum_vision.testing.image_replies import ApiReplies, ImageReplies, signing_key
from picsum_vision.testing.image_settings import ImageServerSettings
from picsum_vision.testing.image_statistics import Statistics
from picsum_vision.testing.latency import Latency
from picsum_vision.testing.picture_cache import PictureCache, Rendering
from picsum_vision.testing.server_process import ServerProcess, cannot_listen, get_json, serve_until_stdin_closes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from types import TracebackType

    from typing_extensions import Self

__all__ = ["Fault", "FaultKind", "ImageServer", "Latency", "RateLimit", "serve_images"]

_MODULE: Final = "picsum_vision.testing.image_server"
_LOOPBACK: Final = "127.0.0.1"
_CERTIFICATE: Final = Path(__file__).with_name("untrusted_test_certificate.pem")
# As many clients may knock at once as the system lets wait.
_BACKLOG: Final = 4096


class ImageServer:
    """A running image server; a context manager, or `start` and `stop`.

    Addresses, once started: `base_url` (API host), `image_url` (image host), `self_signed_url` (the API host over TLS with a
    certificate that nobody trusts) and `not_tls_url` (https to a port that speaks plain HTTP).
    """

    def __init__(
        self,
        *,
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

        `port` and `image_port`: 0 is any free one. `latency` is waited on each hop. `rate_limit` holds for each host apart.
        `missing_ids` are 404, `lost_ids` 500 for good. `seed` decides shares, waits and signatures. `distinct_pictures` bounds
        the encodings for each size, `cache_bytes` all of them; `warm_sizes` (width, height) are encoded before it listens.
        """
        self._settings = ImageServerSettings(
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
        """Tell what both hosts saw since the start or the last reset: see :mod:`picsum_vision.testing.image_statistics`."""
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
        addresses = await _listen(settings)
        announce(f"images on {addresses['base_url']} (redirects to {addresses['image_url']}); Ctrl-C stops it")
        await asyncio.Event().wait()

    try:
        asyncio.run(run())
    except KeyboardInterrupt:
        announce("stopped")


async def _start(settings: dict[str, Any]) -> dict[str, str]:
    return await _listen(ImageServerSettings.from_json(settings))


async def _listen(settings: ImageServerSettings) -> dict[str, str]:
    """Build both hosts, listen, and tell the addresses."""
    key = signing_key(settings.seed)
    cache = PictureCache(distinct_pictures=settings.distinct_pictures, max_bytes=settings.cache_bytes)
    images = ImageReplies(cache, key, settings.lost_ids)
    api = ApiReplies(Catalogue(settings.missing_ids), images, key, _lot(settings, "pictures"))
    conditions = _conditions(settings)
    for width, height in settings.warm_sizes:
        await cache.warm(Rendering(width=width, height=height))
    hosts = {
        "api": ImageHost("api", api, conditions, keep_alive_timeout_s=settings.keep_alive_timeout_s),
        "image": ImageHost("image", images, conditions, keep_alive_timeout_s=settings.keep_alive_timeout_s),
    }
    api_port = await _site(hosts["api"], settings.port)
    image_port = await _site(hosts["image"], settings.image_port)
    tls_port = await _site(hosts["api"], 0, _untrusted_tls())
    api.root_url, api.image_url = f"http://{_LOOPBACK}:{api_port}", f"http://{_LOOPBACK}:{image_port}"
    return {
        "base_url": api.root_url,
        "image_url": api.image_url,
        "self_signed_url": f"https://{_LOOPBACK}:{tls_port}",
        "not_tls_url": f"https://{_LOOPBACK}:{api_port}",
    }


def _conditions(settings: ImageServerSettings) -> Conditions:
    limit = settings.rate_limit
    return Conditions(
        statistics=Statistics(),
        plan=FaultPlan(settings.faults, settings.seed),
        latency=settings.latency,
        lot=_lot(settings, "waits"),
        rate_limit=limit,
        buckets={} if limit is None else {host: TokenBucket(limit) for host in ("api", "image")},
    )


def _lot(settings: ImageServerSettings, what: str) -> random.Random:
    return random.Random(f"{settings.seed} {what}")  # noqa: S311 - a lot, not a secret


async def _site(host: ImageHost, port: int, tls: ssl.SSLContext | None = None) -> int:
    """Listen on `port` (0: any free one) and tell which one it is."""
    runner = web.ServerRunner(host)
    await runner.setup()
    try:
        await web.TCPSite(runner, _LOOPBACK, port, ssl_context=tls, backlog=_BACKLOG).start()
    except OSError as error:
        raise PortInUse(cannot_listen(port, error)) from error
    listening: int = runner.addresses[0][1]
    return listening


def _untrusted_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_CERTIFICATE)
    return context


if __name__ == "__main__":
    serve_until_stdin_closes(_start)
