"""A chat endpoint that says what it is told to say."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from served import served

from picsum_vision import ChatCompletions

ANSWER: dict[str, Any] = {
    "choices": [{"message": {"role": "assistant", "content": "un gatto"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 3},
}


@contextmanager
def scripted_endpoint(
    answers: Sequence[tuple[int, Any]], models: Sequence[str] = ()
) -> Iterator[tuple[ChatCompletions, list[dict[str, Any]]]]:
    """Give an endpoint that answers so, one after the other, the last one for ever; and the requests that it got.

    `models` are those that it lists.
    """
    asked: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append({**request, "path": self.path})
            self._say(*answers[min(len(asked), len(answers)) - 1])

        def do_GET(self) -> None:
            self._say(200, {"object": "list", "data": [{"id": name, "object": "model"} for name in models]})

        def _say(self, status: int, told: Any) -> None:
            body = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with served(Handler) as address:
        yield ChatCompletions(f"{address}/v1", "test-vision"), asked
