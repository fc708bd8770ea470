"""An OpenAI-compatible vision model server for tests and for trying things out.

It decodes every image it is sent and answers from its pixels, in Italian or English, so that different images get different
answers; on demand it limits, fails and misbehaves as real endpoints do. GET /-/stats tells what it saw, and /-/reset
clears that.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from picsum_vision.errors import PortInUse
from picsum_vision.testing.model_server.app import build_app, path_prefixes
from picsum_vision.testing.model_server.settings import ModelServerSettings
from picsum_vision.testing.server_process import BACKLOG, EmbeddedServer, cannot_listen, serve_in_foreground


class ModelServer(EmbeddedServer):
    """A model server; `base_url` is what an OpenAI client takes, such as `http://127.0.0.1:8000/v1`."""

    def __init__(self, **settings: Any) -> None:
        """Check the settings, those of :class:`ModelServerSettings`; nothing is started yet."""
        super().__init__(listen, ModelServerSettings(**settings))

    @property
    def root_url(self) -> str:
        """The server's address without any path, for Databricks' `/serving-endpoints/...` and `/-/stats`."""
        return self.address("root_url")


def serve_model(**settings: Any) -> None:
    """Serve in the foreground until Ctrl-C, after printing the `base_url`; the keywords are those of `ModelServer`."""
    serve_in_foreground(
        listen,
        ModelServerSettings(**settings),
        lambda urls: print(urls["base_url"], flush=True),  # noqa: T201 - the address is this command's output
    )


async def listen(settings: ModelServerSettings, app: web.Application | None = None) -> dict[str, str]:
    """Listen in this process, and return the URLs; raises `PortInUse` where the port cannot be had."""
    runner = web.AppRunner(build_app(settings) if app is None else app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port, backlog=BACKLOG).start()
    except OSError as error:
        raise PortInUse(cannot_listen(settings.port, error)) from error
    port = runner.addresses[0][1]
    root = f"http://{settings.host}:{port}"
    return {"base_url": root + path_prefixes(settings)[0], "root_url": root}
