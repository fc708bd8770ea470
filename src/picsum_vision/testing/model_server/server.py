"""An OpenAI-compatible vision model server for tests and for trying things out.

It decodes every image it is sent and answers from its pixels, in Italian or English, so that different images get different
answers; on demand it limits, fails and misbehaves as real endpoints do. GET /-/stats tells what it saw, POST /-/reset
clears that.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from picsum_vision.errors import EnvironmentProblem, PortInUse
from picsum_vision.testing.model_server.app import build_app, path_prefixes
from picsum_vision.testing.model_server.settings import ModelServerSettings
from picsum_vision.testing.server_process import ServerProcess, cannot_listen, get_json

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

_BACKLOG: Final = 4096


class ModelServer:
    """A model server in a process of its own, for the length of a `with` block.

    The keywords are those of :class:`ModelServerSettings`. Raises :class:`SettingError` when made with a wrong one, and
    :class:`PortInUse` on entry if `port` is taken.
    """

    def __init__(self, **settings: Any) -> None:
        """Check the settings; nothing is started yet."""
        self._settings = ModelServerSettings(**settings)
        self._process: ServerProcess | None = None

    def __enter__(self) -> Self:
        """Start the server and wait until it listens."""
        self._process = ServerProcess(listen, self._settings)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """Stop the server."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    @property
    def base_url(self) -> str:
        """What an OpenAI client takes as its `base_url`, such as `http://127.0.0.1:8000/v1`."""
        return self._running.addresses["base_url"]

    @property
    def root_url(self) -> str:
        """The server's address without any path, for Databricks' `/serving-endpoints/...` and `/-/stats`."""
        return self._running.addresses["root_url"]

    def stats(self) -> dict[str, Any]:
        """Return what the server counted since its start or the last reset; see :meth:`ModelStats.as_dict`."""
        counts: dict[str, Any] = get_json(f"{self.root_url}/-/stats")
        return counts

    def reset_stats(self) -> None:
        """Set the counts back to zero; limits and faults go on as they were."""
        get_json(f"{self.root_url}/-/reset")

    @property
    def _running(self) -> ServerProcess:
        if self._process is None:
            raise EnvironmentProblem("the model server is not running: use it as `with ModelServer() as server:`")
        return self._process


def serve_model(**settings: Any) -> None:
    """Serve in the foreground until Ctrl-C, after printing the `base_url`.

    The keywords are those of :class:`ModelServerSettings`; :class:`SettingError` and :class:`PortInUse` as with `ModelServer`.
    """
    checked = ModelServerSettings(**settings)

    async def run() -> None:
        addresses = await listen(checked)
        print(addresses["base_url"], flush=True)  # noqa: T201 - the address is this command's output
        await asyncio.Event().wait()

    try:
        asyncio.run(run())
    except KeyboardInterrupt:
        return


async def listen(settings: ModelServerSettings, app: web.Application | None = None) -> dict[str, str]:
    """Listen in this process, and return the URLs; raises `PortInUse` where the port cannot be had."""
    runner = web.AppRunner(build_app(settings) if app is None else app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port, backlog=_BACKLOG).start()
    except OSError as error:
        raise PortInUse(cannot_listen(settings.port, error)) from error
    port = runner.addresses[0][1]
    root = f"http://{settings.host}:{port}"
    return {"base_url": root + path_prefixes(settings)[0], "root_url": root}
