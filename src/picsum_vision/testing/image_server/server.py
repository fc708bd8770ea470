"""An image host like Lorem Picsum, on this machine: two hosts, redirects, real pictures, and faults on demand.

The API host answers with redirects, the image host with pictures, each on a port of its own, on 127.0.0.1 unless
another address of this machine is given. The server runs in a process of its own: it takes no time from what is
measured, and ends with its parent.
"""

from __future__ import annotations

import dataclasses
import random
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from picsum_vision.errors import PortInUse
from picsum_vision.testing.common import require
from picsum_vision.testing.image_server.faults import Fault, FaultPlan
from picsum_vision.testing.image_server.host import Conditions, ImageHost, RateLimit
from picsum_vision.testing.image_server.pictures.cache import PictureCache, Rendering
from picsum_vision.testing.image_server.pictures.catalogue import LAST_ID, MISSING_IDS, Catalogue
from picsum_vision.testing.image_server.replies import ApiReplies, ImageReplies
from picsum_vision.testing.image_server.routes import MAX_SIDE_PX
from picsum_vision.testing.latency import Latency
from picsum_vision.testing.server_process import (
    ADDRESS_ALLOWED,
    BACKLOG,
    DEFAULT_HOST,
    EmbeddedServer,
    cannot_listen,
    is_own_address,
    serve_in_foreground,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

_CERTIFICATE: Final = Path(__file__).with_name("untrusted_test_certificate.pem")
_MAX_PORT: Final = 65_535


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageServerSettings:
    """How the image server behaves.

    `host` is an address of this machine: another one than loopback lets other machines in. `port` and `image_port`: 0 is any
    free one. `latency` is waited on each hop. `rate_limit` holds for each host apart. `missing_ids` are 404. `seed` decides
    shares and waits. `distinct_pictures` bounds the encodings for each size; `warm_sizes` (width, height) are encoded
    before it listens.
    """

    host: str = DEFAULT_HOST
    port: int = 0
    image_port: int = 0
    latency: Latency = dataclasses.field(default_factory=Latency)
    faults: Sequence[Fault] = ()
    rate_limit: RateLimit | None = None
    missing_ids: Collection[int] = MISSING_IDS
    seed: int = 0
    keep_alive_timeout_s: float = 5.0
    distinct_pictures: int = 128
    warm_sizes: Sequence[tuple[int, int]] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be meant, naming the setting, its value and what is allowed."""
        sides = [side for size in self.warm_sizes for side in size]
        for name, fits, allowed in (
            ("host", is_own_address(self.host), ADDRESS_ALLOWED),
            ("port", 0 <= self.port <= _MAX_PORT, f"a port from 0 (any free one) to {_MAX_PORT}"),
            ("image_port", 0 <= self.image_port <= _MAX_PORT, f"a port from 0 (any free one) to {_MAX_PORT}"),
            ("image_port", self.image_port == 0 or self.image_port != self.port, "another port than `port`"),
            ("missing_ids", not set(range(1, LAST_ID + 1)) <= set(self.missing_ids), f"not all of 1..{LAST_ID}"),
            ("keep_alive_timeout_s", self.keep_alive_timeout_s > 0, "a number of seconds above 0"),
            ("distinct_pictures", self.distinct_pictures >= 1, "a whole number from 1"),
            ("latency", self.latency.mean_s >= 0 and self.latency.sigma >= 0, "a mean and a sigma from 0"),
            ("warm_sizes", all(1 <= side <= MAX_SIDE_PX for side in sides), f"sides from 1 to {MAX_SIDE_PX} pixels"),
        ):
            require(fits, f"image server: {name}", getattr(self, name), allowed)


class ImageServer(EmbeddedServer):
    """A running image server; `base_url` is the API host's."""

    def __init__(self, **settings: Any) -> None:
        """Check the settings, those of :class:`ImageServerSettings`; nothing is started yet."""
        super().__init__(listen, ImageServerSettings(**settings))

    @property
    def image_url(self) -> str:
        """The image host."""
        return self.address("image_url")

    @property
    def self_signed_url(self) -> str:
        """The API host over TLS with a certificate that nobody trusts."""
        return self.address("self_signed_url")

    @property
    def not_tls_url(self) -> str:
        """An https address whose port speaks plain HTTP."""
        return self.address("not_tls_url")


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
    settings = ImageServerSettings(
        port=port,
        image_port=image_port,
        latency=Latency(mean_s=latency_mean_s, sigma=latency_sigma),
        faults=tuple(faults),
        rate_limit=None if requests_per_second is None else RateLimit(requests_per_second=requests_per_second, burst=burst),
        seed=seed,
    )

    def tell(urls: dict[str, str]) -> None:
        announce(f"images on {urls['base_url']} (redirects to {urls['image_url']}); Ctrl-C stops it")

    serve_in_foreground(listen, settings, tell)
    announce("stopped")


async def listen(settings: ImageServerSettings) -> dict[str, str]:
    """Build both hosts, listen, and tell the addresses; raises `PortInUse` where a port cannot be had."""
    images = ImageReplies(PictureCache(distinct_pictures=settings.distinct_pictures))
    api = ApiReplies(Catalogue(settings.missing_ids), images, _lot(settings, "pictures"))
    plan = FaultPlan(settings.faults, settings.seed)
    conditions = Conditions(plan, settings.latency, _lot(settings, "waits"), settings.rate_limit)
    for width, height in settings.warm_sizes:
        await images.cache.warm(Rendering(width=width, height=height))
    api_host = ImageHost("api", api, conditions, keep_alive_timeout_s=settings.keep_alive_timeout_s)
    image_host = ImageHost("image", images, conditions, keep_alive_timeout_s=settings.keep_alive_timeout_s)
    api_port = await _site(api_host, settings.host, settings.port)
    image_port = await _site(image_host, settings.host, settings.image_port)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(_CERTIFICATE)
    tls_port = await _site(api_host, settings.host, 0, tls)
    api.root_url, api.image_url = f"http://{settings.host}:{api_port}", f"http://{settings.host}:{image_port}"
    return {
        "base_url": api.root_url,
        "root_url": api.root_url,
        "image_url": api.image_url,
        "self_signed_url": f"https://{settings.host}:{tls_port}",
        "not_tls_url": f"https://{settings.host}:{api_port}",
    }


def _lot(settings: ImageServerSettings, what: str) -> random.Random:
    return random.Random(f"{settings.seed} {what}")  # noqa: S311 - a lot, not a secret


async def _site(host: ImageHost, address: str, port: int, tls: ssl.SSLContext | None = None) -> int:
    """Listen on `port` of `address` (0: any free one) and tell which one it is."""
    runner = web.ServerRunner(host)
    await runner.setup()
    try:
        await web.TCPSite(runner, address, port, ssl_context=tls, backlog=BACKLOG).start()
    except OSError as error:
        raise PortInUse(cannot_listen(port, error)) from error
    listening: int = runner.addresses[0][1]
    return listening
