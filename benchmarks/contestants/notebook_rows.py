"""The notebook's way, row by row with `requests`: its download as published, and a question to any endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests
from pyspark.sql import functions as F
from pyspark.sql.types import BinaryType, StringType

from benchmarks.contestants.chat_body import answer_of, chat_body

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_OK = 200


def download_image(url: str) -> bytes | None:
    """Fetch one image; None whatever goes wrong."""
    try:
        response = requests.get(url, timeout=10)
    except Exception:  # noqa: BLE001 - the notebook's own code, which is measured as it is
        return None
    return response.content if response.status_code == _OK else None


def downloaded(urls: DataFrame) -> DataFrame:
    """Return `image_binary` beside `image_url`."""
    return urls.withColumn("image_binary", F.udf(download_image, BinaryType())(F.col("image_url")))


def described(images: DataFrame, base_url: str) -> DataFrame:
    """Return `descrizione` beside `image_binary`."""
    url = f"{base_url}/chat/completions"

    def ask(image: bytes) -> str | None:
        answer = requests.post(url, data=chat_body(image), headers={"Content-Type": "application/json"}, timeout=120)
        return answer_of(answer.content) if answer.ok else None

    return images.withColumn("descrizione", F.udf(ask, StringType())(F.col("image_binary")))
