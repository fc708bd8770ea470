"""The image server's own process: `python -m picsum_vision.testing.image_server`, started by `ImageServer`."""

from __future__ import annotations

from typing import Any

from picsum_vision.testing.image_server.listening import listen
from picsum_vision.testing.image_server.settings import ImageServerSettings
from picsum_vision.testing.server_process import serve_until_stdin_closes


async def _start(settings: dict[str, Any]) -> dict[str, str]:
    return await listen(ImageServerSettings.from_json(settings))


if __name__ == "__main__":
    serve_until_stdin_closes(_start)
