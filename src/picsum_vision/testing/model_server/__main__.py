"""The model server's own process: `python -m picsum_vision.testing.model_server`, started by `ModelServer`."""

from __future__ import annotations

from typing import Any

from picsum_vision.testing.model_server.server import listen
from picsum_vision.testing.model_server.settings import ModelServerSettings
from picsum_vision.testing.server_process import serve_until_stdin_closes


async def _start(settings: dict[str, Any]) -> dict[str, str]:
    return await listen(ModelServerSettings.from_json(settings))


if __name__ == "__main__":
    serve_until_stdin_closes(_start)
