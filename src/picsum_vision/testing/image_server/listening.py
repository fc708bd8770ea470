"""Both hosts of the image server, built and listening in this process."""

from __future__ import annotations

import random
import ssl
from pathlib import Path
from typing import Final

from aiohttp import web

from picsum_vision.errors import PortInUse
from picsum_vision.testing.image_server.faults import FaultPlan
from picsum_vision.testing.image_server.host import Conditions, ImageHost
from picsum_vision.testing.image_server.host_limit import TokenBucket
from picsum_vision.testing.image_server.pictures.cache import PictureCache, Rendering
from picsum_vision.testing.image_server.pictures.catalogue import Catalogue
from picsum_vision.testing.image_server.replies import ApiReplies, ImageReplies, signing_key
from picsum_vision.testing.image_server.settings import ImageServerSettings
from picsum_vision.testing.image_server.statistics import Statistics
from picsum_vision.testing.server_process import cannot_listen

_CERTIFICATE: Final = Path(__file__).with_name("untrusted_test_certificate.pem")
# As many clients may knock at once as the system lets wait.
_BACKLOG: Final = 4096


async def listen(settings: ImageServerSettings) -> dict[str, str]:
    """Build both hosts, listen, and tell the addresses; raises `PortInUse` where a port cannot be had."""
    key = signing_key(settings.seed)
    cache = PictureCache(distinct_pictures=settings.distinct_pictures)
    images = ImageReplies(cache, key)
    api = ApiReplies(Catalogue(settings.missing_ids), images, key, _lot(settings, "pictures"))
    conditions = _conditions(settings)
    for width, height in settings.warm_sizes:
        await cache.warm(Rendering(width=width, height=height))
    hosts = {
        "api": ImageHost("api", api, conditions, keep_alive_timeout_s=settings.keep_alive_timeout_s),
        "image": ImageHost("image", images, conditions, keep_alive_timeout_s=settings.keep_alive_timeout_s),
    }
    api_port = await _site(hosts["api"], settings.host, settings.port)
    image_port = await _site(hosts["image"], settings.host, settings.image_port)
    tls_port = await _site(hosts["api"], settings.host, 0, _untrusted_tls())
    api.root_url, api.image_url = f"http://{settings.host}:{api_port}", f"http://{settings.host}:{image_port}"
    return {
        "base_url": api.root_url,
        "image_url": api.image_url,
        "self_signed_url": f"https://{settings.host}:{tls_port}",
        "not_tls_url": f"https://{settings.host}:{api_port}",
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


async def _site(host: ImageHost, address: str, port: int, tls: ssl.SSLContext | None = None) -> int:
    """Listen on `port` of `address` (0: any free one) and tell which one it is."""
    runner = web.ServerRunner(host)
    await runner.setup()
    try:
        await web.TCPSite(runner, address, port, ssl_context=tls, backlog=_BACKLOG).start()
    except OSError as error:
        raise PortInUse(cannot_listen(port, error)) from error
    listening: int = runner.addresses[0][1]
    return listening


def _untrusted_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_CERTIFICATE)
    return context
