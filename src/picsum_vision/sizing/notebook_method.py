"""The notebook's own way, to be measured beside ours: a UDF that makes one request at a time, without a session.

`requests` if the workers have it, as the notebook has, else the standard library's urllib: both open a connection for each
address and wait for it.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from pyspark.sql import functions as F
from pyspark.sql.types import BinaryType, DataType, StringType

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from picsum_vision.describing.backends import ChatCompletions

_TIMEOUT_S: Final = 10
_MODEL_TIMEOUT_S: Final = 120
_OK: Final = 200


def client_of_workers(spark: SparkSession) -> str:
    """Return which client the workers have: `requests` or `urllib`."""
    found = F.udf(lambda _: _client(), StringType())
    return str(spark.range(1).select(found("id").alias("client")).collect()[0]["client"])


def downloaded(urls: DataFrame) -> DataFrame:
    """Return `image_binary` beside `image_url`: NULL, without a reason, where anything went wrong."""
    return urls.withColumn("image_binary", _udf(_download_image, BinaryType())(F.col("image_url")))


def described(images: DataFrame, backend: ChatCompletions, prompt: str, max_output_tokens: int) -> DataFrame:
    """Return `descrizione` beside `image_binary`. The key is read where the question is asked."""
    url, model, secret = f"{backend.base_url}/chat/completions", backend.model, backend.api_key

    def ask(image: bytes | None) -> str | None:
        if image is None:
            return None
        headers = {"Content-Type": "application/json"}
        if secret is not None:
            headers["Authorization"] = f"Bearer {secret.read()}"
        body = json.dumps(_question(model, prompt, image, max_output_tokens)).encode()
        answer = _post(url, body, headers)
        return None if answer is None else json.loads(answer)["choices"][0]["message"]["content"]

    return images.withColumn("descrizione", _udf(ask, StringType())(F.col("image_binary")))


def _udf(function: Callable[[Any], Any], kind: DataType) -> Any:
    """Return a UDF of one row, as the notebook has it; newer Sparks warn that the hints do not say which kind it is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return F.udf(function, kind)


def _question(model: str, prompt: str, image: bytes, max_output_tokens: int) -> dict[str, object]:
    picture = {"url": f"data:image/jpeg;base64,{base64.b64encode(image).decode()}"}
    content = [{"type": "text", "text": prompt}, {"type": "image_url", "image_url": picture}]
    return {"model": model, "max_tokens": max_output_tokens, "messages": [{"role": "user", "content": content}]}


def _client() -> str:
    return "requests" if importlib.util.find_spec("requests") else "urllib"


def _download_image(url: str) -> bytes | None:
    try:
        if _client() == "requests":
            import requests  # noqa: PLC0415 - on the worker, where it is there

            answer = requests.get(url, timeout=_TIMEOUT_S)
            return bytes(answer.content) if answer.status_code == _OK else None
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as reply:  # noqa: S310 - the addresses of the suite
            return bytes(reply.read())
    except Exception:  # noqa: BLE001 - as the notebook has it
        return None


def _post(url: str, body: bytes, headers: dict[str, str]) -> bytes | None:
    if _client() == "requests":
        import requests  # noqa: PLC0415 - on the worker, where it is there

        answer = requests.post(url, data=body, headers=headers, timeout=_MODEL_TIMEOUT_S)
        return bytes(answer.content) if answer.ok else None
    request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310 - the endpoint of the suite
    try:
        with urllib.request.urlopen(request, timeout=_MODEL_TIMEOUT_S) as reply:  # noqa: S310 - the same
            return bytes(reply.read())
    except urllib.error.HTTPError:
        return None
