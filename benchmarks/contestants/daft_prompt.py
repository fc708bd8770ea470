"""Daft's `prompt` on a column of images. It runs in an environment of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import daft
from daft.ai.openai.provider import OpenAIProvider
from daft.functions.ai import prompt

from benchmarks.contestants.chat_body import MAX_TOKENS, MODEL, PROMPT
from benchmarks.contestants.protocol import Order, serve


class DaftPrompt:
    """Daft's native runner in this process, through the chat completions API."""

    def __init__(self, _settings: Mapping[str, Any]) -> None:
        """Choose the native runner."""
        daft.set_runner_native()
        self._order: Order = {}
        self._images: Any = None
        self._answers: list[str | None] = []

    def prepare(self, order: Order) -> None:
        """Read the images into memory."""
        self._order = order
        self._images = daft.read_parquet(order["pictures"]).collect()

    def run(self) -> None:
        """Ask about every row; with `in_flight` row by row, so many at a time, else as Daft has it by default."""
        provider = OpenAIProvider(name="local", base_url=self._order["base_url"], api_key="none")
        options: dict[str, Any] = {"use_chat_completions": True, "max_tokens": MAX_TOKENS, "on_error": "ignore"}
        images, in_flight = self._images, self._order.get("in_flight")
        if in_flight is not None:
            images, options["concurrency"] = images.into_batches(1), in_flight
        asked = prompt([daft.lit(PROMPT), daft.col("image_binary")], provider=provider, model=MODEL, **options)
        self._answers = images.select(asked.alias("descrizione")).to_pydict()["descrizione"]

    def rows_ok(self) -> int:
        """Return how many rows have an answer."""
        return sum(bool(answer) for answer in self._answers)

    def close(self) -> None:
        """Nothing is open."""


if __name__ == "__main__":
    serve(DaftPrompt, ["daft", "openai"])
