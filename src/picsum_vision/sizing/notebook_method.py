"""The notebook's own way, to be measured beside ours: a UDF that makes one request at a time, without a session.

`requests` if the workers have it, as the notebook has, else the standard library's urllib: both open a connection for each
address and wait for it. Workers import this file within the time that is measured, so it imports nothing that is slow.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from pyspark.sql import functions as F
from pyspark.sql.types import BinaryType, DataType, StringType

if TYPE_CHECKING:
    from pyspark.sql import Column, SparkSession

    from picsum_vision.describing.backends import ChatCompletions

_TIMEOUT_S: Final = 10
_MODEL_TIMEOUT_S: Final = 120


def client_of_workers(spark: SparkSession) -> str:
    """Return which client the workers have: `requests` or `urllib`."""
    return str(spark.range(1).select(_udf(lambda _: _client(), StringType())("id")).collect()[0][0])


def downloaded() -> Column:
    """Return the bytes of `image_url`: NULL, without a reason, where anything went wrong."""

    def download(url: str) -> bytes | None:
        try:
            return _fetched(url, _TIMEOUT_S)
        except Exception:  # noqa: BLE001 - as the notebook has it
            return None

    return _udf(download, BinaryType())("image_url")


def described(backend: ChatCompletions, prompt: str, max_output_tokens: int) -> Column:
    """Return the answer about `image_binary`. The key is read where the question is asked."""
    url, model, secret = f"{backend.base_url}/chat/completions", backend.model, backend.api_key

    def ask(image: bytes | None) -> str | None:
        if image is None:
            return None
        headers = {"Content-Type": "application/json"}
        if secret is not None:
            headers["Authorization"] = f"Bearer {secret.read()}"
        picture = {"url": f"data:image/jpeg;base64,{base64.b64encode(image).decode()}"}
        content = [{"type": "text", "text": prompt}, {"type": "image_url", "image_url": picture}]
        question = {"model": model, "max_tokens": max_output_tokens, "messages": [{"role": "user", "content": content}]}
        answer = _fetched(url, _MODEL_TIMEOUT_S, json.dumps(question).encode(), headers)
        return None if answer is None else json.loads(answer)["choices"][0]["message"]["content"]

    return _udf(ask, StringType())("image_binary")


def _udf(function: Callable[[Any], Any], kind: DataType) -> Callable[[str], Column]:
    """Return a UDF of one row, as the notebook has it; newer Sparks warn that the hints do not say which kind it is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return F.udf(function, kind)


def _client() -> str:
    return "requests" if importlib.util.find_spec("requests") else "urllib"


def _fetched(url: str, timeout_s: float, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> bytes | None:
    """Return what an address answers, None where it refuses; a body is posted to it."""
    if _client() == "requests":
        import requests  # noqa: PLC0415 - on the worker, where it is there

        method = "GET" if body is None else "POST"
        answer = requests.request(method, url, data=body, headers=headers, timeout=timeout_s)
        return bytes(answer.content) if answer.ok else None
    request = urllib.request.Request(url, data=body, headers=dict(headers or {}))  # noqa: S310 - the addresses of the suite
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as reply:  # noqa: S310 - the same
            return bytes(reply.read())
    except urllib.error.HTTPError:
        return None
