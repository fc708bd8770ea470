"""The body of a chat completion request, and what an endpoint has shown that it does not take."""

from __future__ import annotations

import base64
import dataclasses
import json
from typing import Any
from urllib.parse import urlsplit

from picsum_vision.describing.tasks import Task
from picsum_vision.images.fitting import FitImage
from picsum_vision.options import DescribeOptions


@dataclasses.dataclass(slots=True)
class Dialect:
    """Fields of a request that this endpoint refused once with 400, and is spared from then on."""

    left_out: set[str] = dataclasses.field(default_factory=set)

    def learn(self, request: dict[str, Any], message: str) -> bool:
        """Take in a refusal; return whether the request is worth another try without the field that it names."""
        for field in ("temperature", "response_format", "max_tokens"):
            if field in request and field in message:
                self.left_out.add(field)
                return True
        return False


def completions_url(base_url: str) -> str:
    """Return where to post: a bare host gets `/v1`, as OpenAI-compatible servers have it; a path is taken as it is."""
    version = "" if urlsplit(base_url).path.strip("/") else "/v1"
    return f"{base_url}{version}/chat/completions"


def chat_request(image: FitImage, task: Task, model: str, options: DescribeOptions, dialect: Dialect) -> dict[str, Any]:
    """Return the request for one image."""
    url = f"data:{image.content_type};base64,{base64.b64encode(image.data).decode('ascii')}"
    request: dict[str, Any] = {
        "model": model,
        "messages": [
            {
                "role": "user",
                "content": [{"type": "text", "text": task.full_prompt}, {"type": "image_url", "image_url": {"url": url}}],
            }
        ],
        "max_tokens": options.max_output_tokens,
    }
    if options.temperature is not None:
        request["temperature"] = options.temperature
    schema = task.json_schema()
    if schema is not None:
        request["response_format"] = {"type": "json_schema", "json_schema": {"name": task.name, "strict": True, "schema": schema}}
    for field in dialect.left_out:
        value = request.pop(field, None)
        if field == "max_tokens" and value is not None:
            request["max_completion_tokens"] = value  # the name that newer models want instead
    return request


def encoded(request: dict[str, Any]) -> bytes:
    """Return the request as it is sent."""
    return json.dumps(request, separators=(",", ":")).encode()
