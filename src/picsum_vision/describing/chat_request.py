"""The body of a chat completion request, and what an endpoint has shown that it does not take."""

from __future__ import annotations

import base64
import dataclasses
import json
import re
import uuid
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from picsum_vision.describing.tasks import Task
from picsum_vision.images.fitting import FitImage
from picsum_vision.options import DescribeOptions

# Stands for an image until the rest of the body is JSON: a megabyte of base64 need not be looked at for quotes.
_MARK: Final = f"image-{uuid.uuid4().hex}"
# Words by which a refusal names a field that we send.
_NAMES: Final = {
    "temperature": ("temperature",),
    "response_format": (
        "response_format", "response format", "json_schema", "json schema", "response_schema", "structured output", "guided",
        "grammar",
    ),
    "max_tokens": ("max_tokens",),
}  # fmt: skip
# A number that is too large is refused, too, and the field is known.
_TOO_LARGE: Final = re.compile(r"too (large|high|big|many)|context length|context window|at most|less than|exceed|maximum")
_IN_PROMPT: Final = {
    "it": "Rispondi soltanto con un oggetto JSON che segue questo schema:",
    "en": "Answer with nothing but a JSON object that follows this schema:",
}


@dataclasses.dataclass(slots=True)
class Dialect:
    """What this endpoint has shown: fields that it refused once and is spared from then on, and which of the addresses it has.

    `ignores_schema`: it takes the schema beside the prompt, and an answer did not follow it; from then on the prompt has it, too.
    """

    left_out: set[str] = dataclasses.field(default_factory=set)
    address: int = 0
    has_answered: bool = False
    ignores_schema: bool = False

    def learn(self, request: dict[str, Any], message: str) -> bool:
        """Take in a refusal; return whether the request is worth another try without the field that it names."""
        lowered = message.lower()
        for field, names in _NAMES.items():
            if field == "max_tokens" and _TOO_LARGE.search(lowered):
                continue
            if field in request and any(name in lowered for name in names):
                self.left_out.add(field)
                return True
        return False

    def learn_address(self, tried: int, addresses: int) -> bool:
        """Take in that the address number `tried` is not there; return whether there is another one to try.

        The one that has answered before is left no more: then it was something else that was not there.
        """
        if not self.has_answered:
            self.address = max(self.address, min(tried + 1, addresses - 1))
        return self.address > tried


def completions_urls(base_url: str) -> tuple[str, ...]:
    """Return where to post, the likeliest first: most servers have `/v1`, Databricks `/serving-endpoints`, some neither."""
    path = urlsplit(base_url).path.rstrip("/")
    if path.endswith("/invocations"):
        return (base_url,)
    last = path.rpartition("/")[2]
    plain, versioned = f"{base_url}/chat/completions", f"{base_url}/v1/chat/completions"
    if last in ("serving-endpoints", "openai") or (last.startswith("v") and last[1:2].isdigit()):
        return (plain,)
    if path:
        return plain, versioned
    return versioned, plain, f"{base_url}/serving-endpoints/chat/completions"


def chat_request(images: int, task: Task, model: str, options: DescribeOptions, dialect: Dialect) -> dict[str, Any]:
    """Return the request for so many images, with marks in their places."""
    prompt = task.full_prompt
    request: dict[str, Any] = {"model": model, "max_tokens": options.max_output_tokens, **task.model_parameters}
    if options.temperature is not None:
        request["temperature"] = options.temperature
    schema = task.json_schema()
    if schema is not None and (dialect.ignores_schema or "response_format" in dialect.left_out):
        prompt = prompt_with_schema(task, schema)
    if schema is not None:
        request["response_format"] = task.response_format()
    for field in dialect.left_out:
        value = request.pop(field, None)
        if field == "max_tokens" and value is not None:
            request["max_completion_tokens"] = value  # the name that newer models want instead
    pictures = [{"type": "image_url", "image_url": {"url": _MARK}}] * images
    # Models without vision take a text, and no list of parts.
    request["messages"] = [{"role": "user", "content": [{"type": "text", "text": prompt}, *pictures] if images else prompt}]
    return request


def prompt_with_schema(task: Task, schema: dict[str, Any]) -> str:
    """Return the prompt for who takes no schema beside it."""
    words = _IN_PROMPT.get(task.language, _IN_PROMPT["en"])
    return f"{task.full_prompt}\n{words} {json.dumps(schema, ensure_ascii=False)}"


def image_url(image: FitImage | str) -> bytes:
    """Return the image as a request has it: its own address, or a data URL with its bytes."""
    if isinstance(image, str):
        return json.dumps(image)[1:-1].encode()
    return b"data:" + image.content_type.encode() + b";base64," + base64.b64encode(image.data)


def encoded(request: dict[str, Any], urls: Sequence[bytes]) -> bytes:
    """Return the request as it is sent, with the images' URLs in their places."""
    pieces = json.dumps(request, separators=(",", ":")).encode().split(_MARK.encode())
    body = [pieces[0]]
    for url, piece in zip(urls, pieces[1:], strict=True):
        body += [url, piece]
    return b"".join(body)
