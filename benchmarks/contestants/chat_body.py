"""The question that all contestants ask, as an OpenAI-compatible endpoint takes it; the standard library only."""

from __future__ import annotations

import base64
import json

MODEL = "test-vision"
PROMPT = "Descrivi dettagliatamente il contenuto di questa immagine."
MAX_TOKENS = 512


def chat_body(image: bytes) -> bytes:
    """Return the body of a request about a JPEG."""
    url = "data:image/jpeg;base64," + base64.b64encode(image).decode("ascii")
    content = [{"type": "text", "text": PROMPT}, {"type": "image_url", "image_url": {"url": url}}]
    request = {"model": MODEL, "max_tokens": MAX_TOKENS, "messages": [{"role": "user", "content": content}]}
    return json.dumps(request).encode()


def answer_of(body: bytes) -> str:
    """Return the text of an answer."""
    text: str = json.loads(body)["choices"][0]["message"]["content"]
    return text
