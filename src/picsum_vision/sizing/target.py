"""Who is measured against: servers of our own with a stated latency, or a real image host and a real model."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any, Final, TypeVar
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
_Server = TypeVar("_Server", ImageServer, ModelServer)


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
    with contextlib.ExitStack() as stack:
        latency = {"sigma": config.latency_sigma}
        images = model = None
        if config.own_images:
            per_second = config.download_options.requests_per_second_per_host_total
            images = stack.enter_context(
                _listening(
                    config,
                    ImageServer(
                        host=config.serve_on,
                        latency=Latency(mean_s=config.image_latency_mean_s, **latency),
                        rate_limit=None if per_second is None else RateLimit(requests_per_second=per_second),
                        warm_sizes=[(config.width, config.height)],
                    ),
                )
            )
        if config.own_model:
            options = config.describe_options
            model = stack.enter_context(
                _listening(
                    config,
                    ModelServer(
                        host=config.serve_on,
                        latency=Latency(mean_s=config.model_latency_mean_s, **latency),
                        requests_per_minute=options.requests_per_minute_total,
                        tokens_per_minute=options.tokens_per_minute_total,
                        models=(_MODEL,),
                    ),
                )
            )
        yield Target(
            base_url=images.base_url if images is not None else config.base_url or "",
            backend=ChatCompletions(model.base_url, _MODEL) if model is not None else _given(config),
            image_latency_s=config.image_latency_mean_s * _HOPS if images is not None else None,
            model_latency_s=config.model_latency_mean_s if model is not None else None,
        )


@contextlib.contextmanager
def _listening(config: SizingConfig, server: _Server) -> Iterator[_Server]:
    """Run a server of our own; raise SettingError where this machine cannot listen on the address."""
    try:
        running = server.__enter__()
    except PortInUse as error:
        raise SettingError(
            f"serve_on: {config.serve_on!r} is not allowed: this machine cannot listen there; give one of its own addresses"
        ) from error
    try:
        yield running
    finally:
        server.__exit__(None, None, None)


def _given(config: SizingConfig) -> Backend:
    if config.backend is None:
        raise SettingError("backend: missing")
    return config.backend


def _host(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"
