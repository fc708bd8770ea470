"""Who is measured against: servers of our own with a stated latency, or a real image host and a real model."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from picsum_vision.describing.backends import Backend, ChatCompletions
from picsum_vision.errors import PortInUse, SettingError
from picsum_vision.sizing.settings import SizingConfig
from picsum_vision.testing.image_server import ImageServer, RateLimit
from picsum_vision.testing.latency import Latency
from picsum_vision.testing.model_server import ModelServer

_MODEL: Final = "test-vision"
_HOPS: Final = 2
_OWN: Final = "servers of this suite"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Target:
    """Where images come from and who is asked. Latencies are None where nobody has stated them."""

    base_url: str
    backend: Backend
    image_latency_s: float | None
    model_latency_s: float | None

    def described(self) -> dict[str, Any]:
        """Return what a result says of it: an address without user, password and query; of our own servers not even a port."""
        model = getattr(self.backend, "base_url", None) or type(self.backend).__name__
        return {
            "images": _OWN if self.image_latency_s is not None else _host(self.base_url),
            "model": _OWN if self.model_latency_s is not None else _host(model) if "//" in model else model,
        }


@contextlib.contextmanager
def open_target(config: SizingConfig) -> Iterator[Target]:
    """Start the servers that are needed, and give the target; the servers end with the block."""
    base_url, backend, download, describe = config.base_url, config.backend, config.download_options, config.describe_options
    latencies: dict[str, float | None] = {"image_latency_s": None, "model_latency_s": None}
    with contextlib.ExitStack() as stack:
        try:
            if base_url is None:
                per_second = download.requests_per_second_per_host_total
                images = ImageServer(
                    host=config.serve_on,
                    latency=Latency(mean_s=config.image_latency_mean_s, sigma=config.latency_sigma),
                    rate_limit=None if per_second is None else RateLimit(requests_per_second=per_second),
                    warm_sizes=[(config.width, config.height)],
                )
                base_url = stack.enter_context(images).base_url
                latencies["image_latency_s"] = config.image_latency_mean_s * _HOPS
            if backend is None:
                model = ModelServer(
                    host=config.serve_on,
                    latency=Latency(mean_s=config.model_latency_mean_s, sigma=config.latency_sigma),
                    requests_per_minute=describe.requests_per_minute_total,
                    tokens_per_minute=describe.tokens_per_minute_total,
                    models=(_MODEL,),
                )
                backend = ChatCompletions(stack.enter_context(model).base_url, _MODEL)
                latencies["model_latency_s"] = config.model_latency_mean_s
        except PortInUse as error:
            raise SettingError(
                f"serve_on: {config.serve_on!r} is not allowed: this machine cannot listen there; give one of its own addresses"
            ) from error
        yield Target(base_url=base_url, backend=backend, **latencies)


def _host(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"
